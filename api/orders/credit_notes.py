"""The credit notes of an order: one for each refund, as a page to be printed or as PDF."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

import db
from api.http.blueprint import Blueprint
from api.http.fast_bodies import money
from api.http.fields import Moment
from api.http.money import TaxSchema, taxes_of
from api.http.schemas import MoneySchema, Schema, page_of
from api.orders.guests import or_guest, their_order
from api.orders.papers import BYTES, HTML, PDF, TEXT, PaperQuery, kind_of, shown
from shop.invoicing import credit_notes
from shop.invoicing.credit_notes import CreditNoteRow

blp = Blueprint("credit_notes", __name__, description="Credit notes")


class CreditNoteSchema(Schema):
    """`id` is for its page or PDF; `invoice` is the number of the invoice that it corrects."""

    id = fields.String()
    number = fields.String(metadata={"example": "CN0000001"})
    invoice = fields.String(metadata={"example": "0000001"})
    amount = fields.Nested(MoneySchema, metadata={"description": "what was given back, the tax included"})
    taxes = fields.List(fields.Nested(TaxSchema), metadata={"description": "by rate; of older orders not known"})
    issued_at = Moment()


@blp.get("/api/orders/<uuid:id>/credit-notes")
@or_guest
@blp.response(200, page_of(CreditNoteSchema))
def list_credit_notes(id: UUID) -> dict[str, Any]:
    """List an order's credit notes.

    Oldest first. A refund that has no credit note yet gets one now, after the invoice has its number.
    """
    with db.transaction() as session:
        found = credit_notes.of(session, their_order(session, id))
        return {"items": [_body(row) for row in found], "next": None}


@blp.get("/api/orders/<uuid:id>/credit-notes/<uuid:nid>")
@or_guest
@blp.arguments(PaperQuery, location="query")
@blp.response(200, TEXT, content_type=HTML)
@blp.alt_response(200, schema=BYTES, content_type=PDF, success=True)
def get_credit_note(query: dict[str, Any], id: UUID, nid: UUID) -> Response:
    """Get a credit note as HTML or PDF."""
    with db.transaction() as session:
        order = their_order(session, id)
        kind = kind_of(query)
        row = credit_notes.get(session, order, str(nid))
        facts = credit_notes.facts(order, row)
    return shown(facts, kind, f"credit-note-{facts.number}")


def _body(row: CreditNoteRow) -> dict[str, Any]:
    known = [one for one in row.taxes if one["rate"] is not None]
    return {
        "id": row.id,
        "number": str(row),
        "invoice": row.said["invoice"],
        "amount": money(row.amount, row.currency),
        "taxes": taxes_of(known, row.currency),
        "issued_at": row.issued_at,
    }
