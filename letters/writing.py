"""Rendering a letter from its template and values, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from config import settings
from letters import figures
from letters.catalogues import translations
from letters.links import defanged

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("en", "de")
LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Letter:
    """A rendered letter. Its bodies may hold links that grant access, so they are not shown in a repr."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def write(kind: str, values: Mapping[str, Any], language: str) -> Letter:
    """Render a letter. `kind` is the name of a template; `language` is `de`, or `de-AT`. Only the HTML is escaped."""
    known, locale = spoken(language)
    values = {**values, "name": defanged(str(values["name"]))} if "name" in values else values
    told = {"shop": _shop(), "language": known, "locale": locale}
    text = environment(known, html=False).get_template(f"{kind}.txt")
    subject = _subject(text, {**told, **values})
    html = environment(known, html=True).get_template(f"{kind}.html")
    return Letter(subject, text.render(told, **values), html.render(told, title=subject, **values))


def spoken(language: str) -> tuple[str, Locale]:
    """Choose one of LANGUAGES for a tag such as `de-AT`, and the locale for its money and dates."""
    first = language.split("-", maxsplit=1)[0]
    known = first if first in LANGUAGES else LANGUAGES[0]
    return known, figures.locale_of(language if known == first else known)


@cache
def environment(language: str, *, html: bool, folder: Path = TEMPLATES) -> Environment:
    """Make the Jinja2 environment of one language. A variable that is missing raises UndefinedError."""
    made = Environment(
        loader=FileSystemLoader(folder),
        auto_reload=False,
        autoescape=html,  # noqa: S701 - a text is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {"money": figures.money, "day": figures.day}
    return made


def _subject(text: Template, values: Mapping[str, Any]) -> str:
    """Render the subject as one line, whatever the values hold: a line break would let a stranger add a header."""
    said = "".join(text.blocks["subject"](text.new_context(dict(values))))
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:LONGEST_SUBJECT]


def _shop() -> str:
    """Return the shop's name, as mails are sent from."""
    name, address = parseaddr(settings().mail_from)
    return name or address
