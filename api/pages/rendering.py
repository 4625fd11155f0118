"""Pages for people: a template of `pages/`, in the language that its reader likes best."""

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
"""Of invoices and credit notes. It stands in the page itself, so that a page that was saved keeps it."""
CLOSED = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
"""What every page's policy begins with: nothing that the page does not name."""


def page(name: str, policy: str, **values: object) -> Response:
    """`policy`: what the page may do besides nothing."""
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
    """What stands in it from elsewhere is escaped."""
    return writing.environment(language, html=True, folder=PAGES).get_template(name)


def allowed(style: str) -> str:
    """How a policy names a style that stands in the page itself."""
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
