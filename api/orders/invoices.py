"""An order's invoice, as a page to be printed or as PDF."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

import db
from api.http.blueprint import Blueprint
from api.orders.guests import or_guest, their_order
from api.orders.papers import BYTES, HTML, PDF, TEXT, PaperQuery, kind_of, shown
from shop.invoicing import invoices

blp = Blueprint("invoices", __name__, description="Invoices")


@blp.get("/api/orders/<uuid:id>/invoice")
@or_guest
@blp.arguments(PaperQuery, location="query")
@blp.response(200, TEXT, content_type=HTML)
@blp.alt_response(200, schema=BYTES, content_type=PDF, success=True)
def get_invoice(query: dict[str, Any], id: UUID) -> Response:
    """Get an order's invoice.

    The invoice as HTML or PDF, once any of the order is paid (409 before). It gets its number when it is first read,
    and from then on it does not change.
    """
    with db.transaction() as session:
        order = their_order(session, id)
        kind = kind_of(query)
        facts = invoices.of(session, order)
    return shown(facts, kind, f"invoice-{facts.number}")
