"""Unsubscribe by the links at the end of marketing mails. Without sign-in: the link itself came by the mail."""

from __future__ import annotations

from typing import Any

from flask import Response, request

import db
from api.http.blueprint import Blueprint
from api.http.fields import Boolean, Line
from api.http.schemas import Schema
from api.pages import rendering
from shop.consent import unsubscribe_links

blp = Blueprint("unsubscribe", __name__, description="Unsubscribe")

HTML = {"type": "string"}
WISH = {"List-Unsubscribe": {"type": "string", "enum": ["One-Click"]}, "everything": {"type": "string", "enum": ["1"]}}
FORM = {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": WISH}}}}


class UnsubscribeSchema(Schema):
    token = Line(required=True, most=500, load_only=True, metadata={"description": "what the link has behind its #"})
    everything = Boolean(load_default=False, metadata={"description": "of all marketing, and for good"})


@blp.post("/api/unsubscribe")
@blp.arguments(UnsubscribeSchema)
@blp.response(204)
def unsubscribe_by_token(wish: dict[str, Any]) -> Response:
    """Unsubscribe with the token in the body.

    For the page that the link in a mail leads to: so the token is in no path and no log. It may be sent repeatedly.
    """
    _unsubscribe(wish["token"], everything=wish["everything"])
    return Response(status=204)


@blp.get("/api/unsubscribe/<token>")
@blp.response(200, HTML, content_type="text/html")
def show_unsubscribe_page(token: str) -> Response:
    """Show the page to unsubscribe.

    A small page that asks for confirmation. It changes nothing: mail programs and scanners open links by themselves.
    """
    unsubscribe_links.opened(token)
    return _page(done=False)


@blp.post("/api/unsubscribe/<token>")
@blp.doc(requestBody=FORM)
@blp.response(200, HTML, content_type="text/html")
def unsubscribe(token: str) -> Response:
    """Unsubscribe.

    Unsubscribes with one click as in RFC 8058; may be sent repeatedly. `everything=1`: from all marketing.
    """
    _unsubscribe(token, everything=request.form.get("everything") == "1")
    return _page(done=True)


def _unsubscribe(token: str, *, everything: bool) -> None:
    made = unsubscribe_links.opened(token)
    with db.transaction() as session:
        unsubscribe_links.unsubscribe(session, made, everything=everything)


def _page(*, done: bool) -> Response:
    return rendering.page("unsubscribe-by-link", "style-src 'self'; form-action 'self'", done=done)
