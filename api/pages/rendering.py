"""Render the pages for people: a template of `pages/`, in the language that the reader's browser prefers."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from flask import Response
from jinja2 import Template
from markupsafe import Markup

from api.http import languages
from letters import writing

PAGES = Path(__file__).parent
PAPER_STYLE = Markup((PAGES / "paper.css").read_text())  # noqa: S704 - our own
"""The style of invoices and credit notes. It is part of the page itself, so that a saved page keeps it."""
CLOSED = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
"""The start of every page's Content-Security-Policy: it allows nothing that the page does not add."""


def page(name: str, policy: str, **values: object) -> Response:
    """Render `name`.html in the language of the request.

    policy: what the Content-Security-Policy allows besides CLOSED.
    """
    language = languages.asked()
    headers = {
        "Content-Security-Policy": CLOSED + policy,
        "Content-Language": language,
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
    }
    written = template(f"{name}.html", language).render(language=language, **values)
    return Response(written, mimetype="text/html", headers=headers)


def template(name: str, language: str) -> Template:
    """Load a template of this folder; values put into it are escaped as HTML."""
    return writing.environment(language, html=True, folder=PAGES).get_template(name)


def allowed(style: str) -> str:
    """Return the source by which a Content-Security-Policy allows this inline style: its hash."""
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
