"""Where the links at the end of marketing mails lead. No sign-in: who has the link got the mail."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

import db
from api.blueprint import Blueprint
from shop import unsubscribing

blp = Blueprint("unsubscribe", __name__, description="Unsubscribe")

PAGES = Path(__file__).parent / "pages"
CSP = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HTML = {"type": "string"}
WISH = {"List-Unsubscribe": {"type": "string", "enum": ["One-Click"]}, "everything": {"type": "string", "enum": ["1"]}}
FORM = {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": WISH}}}}


@blp.get("/api/unsubscribe/<token>")
@blp.response(200, HTML, content_type="text/html")
def show_unsubscribe_page(token: str) -> Response:
    """Show the page to unsubscribe.

    A small page that asks. It changes nothing: mail programs and scanners open links by themselves.
    """
    return _page(topic=unsubscribing.opened(token).topic.replace("_", " "), done=False)


@blp.post("/api/unsubscribe/<token>")
@blp.doc(requestBody=FORM)
@blp.response(200, HTML, content_type="text/html")
def unsubscribe(token: str) -> Response:
    """Unsubscribe.

    Unsubscribes, with one click as in RFC 8058, as often as it is sent. `everything=1`: of all marketing.
    """
    made = unsubscribing.opened(token)
    with db.transaction() as session:
        unsubscribing.unsubscribe(session, made, everything=request.form.get("everything") == "1")
    return _page(topic=made.topic, done=True)


def _page(**words: object) -> Response:
    headers = {"Content-Security-Policy": CSP, "Referrer-Policy": "no-referrer"}
    return Response(_template().render(**words), mimetype="text/html", headers=headers)


@cache
def _template() -> Template:
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("unsubscribe.html")
