"""Bank transfers to the shop's account: staff list them, and match or settle those that were not matched by code."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import fields

import db
import engine
from api.http.blueprint import Blueprint
from api.http.fields import Moment, Text
from api.http.money import Amount
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, caller, roles
from shop.bank_transfers import matching as transfer_matching
from shop.bank_transfers import transfers
from shop.bank_transfers.transfers import BankTransferRow, Problem, State
from shop.orders import conflict_of_interest

blp = Blueprint("transfers", __name__, description="Payments: money that was sent to our account")


class BankTransferSchema(Schema):
    """`open`: the shop holds the money, and it has paid for nothing; `problem`: why it was not matched by itself."""

    id = fields.String()
    provider = fields.String()
    transfer_id = fields.String(metadata={"description": "what the provider knows it by"})
    amount = Amount()
    reference = fields.String(metadata={"description": "as its sender wrote it"})
    state = fields.String(metadata={"enum": [*State]})
    problem = fields.String(allow_none=True, metadata={"enum": [*Problem, None]})
    order_id = fields.String(allow_none=True, metadata={"description": "which the reference names, or that was paid"})
    payment_id = fields.String(allow_none=True, metadata={"description": "what it has paid"})
    note = fields.String(allow_none=True)
    closed_at = Moment(allow_none=True)
    closed_by = fields.String(allow_none=True, metadata={"description": "null: it was matched by itself"})
    at = Moment(metadata={"description": "when the provider booked it"})
    created_at = Moment()


class BankTransfersQuery(PageQuery):
    state = fields.Enum(State, by_value=True, load_default=None)
    problem = fields.Enum(Problem, by_value=True, load_default=None)


class MatchSchema(Schema):
    payment_id = fields.UUID(required=True)
    note = Text(most=1000, load_default=None, metadata={"description": "what becomes of what is too much"})


class TransferNoteSchema(Schema):
    note = Text(most=1000, required=True, metadata={"description": "what became of the money"})


@blp.get("/api/payments/transfers")
@roles(*STAFF)
@blp.arguments(BankTransfersQuery, location="query")
@blp.response(200, page_of(BankTransferSchema))
def list_bank_transfers(query: dict[str, Any]) -> dict[str, Any]:
    """List bank transfers.

    Newest first. Staff only.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    which = {"state": query["state"], "problem": query["problem"]}
    with db.reading() as session:
        rows = transfers.listed(session, limit=limit + 1, before=before, **which)
    return page(rows, limit, lambda row: [row.id])


@blp.post("/api/payments/transfers/<uuid:id>/match")
@roles(*STAFF)
@blp.arguments(MatchSchema)
@blp.response(200, BankTransferSchema)
def match_bank_transfer(wish: dict[str, Any], id: UUID) -> BankTransferRow:
    """Match a bank transfer to a payment.

    The transfer pays this payment, which waits for money; the order goes on. A transfer of less than the payment is a
    409. Staff only.
    """
    with db.transaction() as session:
        row = transfer_matching.match_by_hand(
            session,
            str(id),
            str(wish["payment_id"]),
            lambda order: engine.turning_back(session, ("order", order)),
            by=caller().id,
            note=wish["note"],
        )
        assert row.order_id, "it has just been paid"
        conflict_of_interest.check_order(session, caller().id, row.order_id)
        engine.wake_about(session, ("order", row.order_id))
        return row


@blp.post("/api/payments/transfers/<uuid:id>/settle")
@roles(*STAFF)
@blp.arguments(TransferNoteSchema)
@blp.response(200, BankTransferSchema)
def settle_bank_transfer(wish: dict[str, Any], id: UUID) -> BankTransferRow:
    """Settle a bank transfer by hand.

    The transfer pays for no order; the note says what became of the money (it was sent back, say). Staff only.
    """
    with db.transaction() as session:
        return transfers.settle(session, str(id), by=caller().id, note=wish["note"])
