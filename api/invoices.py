"""An order's invoice, as a page to be printed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from uuid import UUID

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from werkzeug.exceptions import NotAcceptable

import db
from api.blueprint import Blueprint
from api.guests import or_guest, their_order
from shop import invoices

blp = Blueprint("invoices", __name__, description="Invoices")

PAGES = Path(__file__).parent / "pages"
CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HTML = {"type": "string"}


@blp.get("/api/orders/<uuid:id>/invoice")
@or_guest
@blp.response(200, HTML, content_type="text/html")
def invoice(id: UUID) -> Response:
    """The invoice as HTML, once the order is paid (409 before that)."""
    with db.reading() as session:
        order = their_order(session, id)
        _check_wanted()
        found = invoices.of(session, order)
        page = _template().render(invoice=found, order=order)
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": CSP})


def _check_wanted() -> None:
    wanted = request.accept_mimetypes
    if wanted and not wanted.best_match(["text/html"]):
        raise NotAcceptable("The invoice is text/html.")


@cache
def _template() -> Template:
    """Names and addresses are what customers typed: everything is escaped."""
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("invoice.html")
