"""An order's invoice, as a page to be printed or as PDF."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from marshmallow import fields, validate
from werkzeug.exceptions import NotAcceptable

import db
from api import invoice_pdf
from api.blueprint import Blueprint
from api.guests import or_guest, their_order
from api.schemas import Schema
from shop import invoices
from shop.invoices import Invoice

blp = Blueprint("invoices", __name__, description="Invoices")

PAGES = Path(__file__).parent / "pages"
CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HTML, PDF = "text/html", "application/pdf"
KINDS = {"html": HTML, "pdf": PDF}
TEXT, BYTES = {"type": "string"}, {"type": "string", "format": "binary"}


class InvoiceQuery(Schema):
    format = fields.String(
        validate=validate.OneOf([*KINDS]),
        load_default=None,
        metadata={"description": "default: what Accept says, or html"},
    )


@blp.get("/api/orders/<uuid:id>/invoice")
@or_guest
@blp.arguments(InvoiceQuery, location="query")
@blp.response(200, TEXT, content_type=HTML)
@blp.alt_response(200, schema=BYTES, content_type=PDF, success=True)
def get_invoice(query: dict[str, Any], id: UUID) -> Response:
    """Get an order's invoice.

    The invoice as HTML or PDF, once any of the order is paid (409 before). Its number comes with the first look.
    """
    with db.transaction() as session:
        order = their_order(session, id)
        kind = KINDS[query["format"]] if query["format"] else _accepted()
        found = invoices.of(session, order)
    return _as_pdf(found) if kind == PDF else _as_page(found)


def _accepted() -> str:
    wanted = request.accept_mimetypes
    best = wanted.best_match([HTML, PDF]) if wanted else HTML
    if best is None:
        raise NotAcceptable("The invoice is text/html or application/pdf.")
    return best


def _as_page(found: Invoice) -> Response:
    page = _template().render(invoice=found, order=found.order)
    return Response(page, mimetype=HTML, headers={"Content-Security-Policy": CSP, "Vary": "Accept"})


def _as_pdf(found: Invoice) -> Response:
    name = f'inline; filename="invoice-{found.number}.pdf"'
    return Response(invoice_pdf.render(found), mimetype=PDF, headers={"Content-Disposition": name, "Vary": "Accept"})


@cache
def _template() -> Template:
    """Names and addresses are what customers typed: everything is escaped."""
    pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("invoice.html")
