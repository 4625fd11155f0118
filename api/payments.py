"""What orders owe and what the provider has done about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.answers import json_answer
from api.blueprint import Blueprint
from api.fields import Moment
from api.guests import check_owner, guest_token, is_staff, or_guest, their_order
from api.money import Amount
from api.paging import an_id, page, start
from api.schemas import ErrorSchema, PageQuery, Schema, page_of
from api.security import caller, visitor
from config import settings
from shop import payment_list
from shop.checkout import METHODS
from shop.payment_list import Paying
from shop.payments import Status

blp = Blueprint("payments", __name__, description="Payments")


class TransactionSchema(Schema):
    id = fields.String()
    kind = fields.String(metadata={"enum": ["capture", "refund", "void"]})
    amount = Amount()
    at = Moment()


class PaymentSchema(Schema):
    """`next_action`: what the shopper must do at their bank before it can go on."""

    id = fields.String()
    order_id = fields.String()
    method = fields.String()
    provider = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    amount = Amount()
    captured = Amount()
    refunded = Amount()
    transactions = fields.List(fields.Nested(TransactionSchema))
    next_action = fields.Raw(allow_none=True, metadata={"type": ["object", "null"]})
    error = fields.Nested(ErrorSchema, allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class PaymentsQuery(PageQuery):
    order_id = fields.UUID(load_default=None)


class MethodSchema(Schema):
    method = fields.String()
    provider = fields.String()


PAYMENT = PaymentSchema(exclude=["transactions", "error"])
TRANSACTIONS = TransactionSchema(many=True)


@blp.get("/api/payments")
@or_guest
@blp.arguments(PaymentsQuery, location="query")
@blp.response(200, page_of(PaymentSchema))
def all_of_them(query: dict[str, Any]) -> Response:
    """One's own, newest first; staff see everybody's. Guests name their order and show its token."""
    before, of = start(query["cursor"], an_id), query["order_id"]
    with db.reading() as session:
        whose = _whose(session, of)
        rows = payment_list.of_customer(
            session,
            whose,
            limit=query["limit"] + 1,
            before=before,
            order_id=str(of) if of else None,
        )
    found = page(rows, query["limit"], lambda row: [row.payment.id])
    return json_answer({**found, "items": [_shown(row) for row in found["items"]]})


@blp.get("/api/payments/methods")
@blp.response(200, page_of(MethodSchema))
def methods() -> dict[str, Any]:
    return {"items": [{"method": method, "provider": settings().payment_provider} for method in METHODS], "next": None}


@blp.get("/api/payments/<uuid:id>")
@or_guest
@blp.response(200, PaymentSchema)
def one(id: UUID) -> Response:
    with db.reading() as session:
        found = payment_list.get(session, str(id))
    check_owner(found, "payment")
    return json_answer(_shown(found))


def _whose(session: Session, order: UUID | None) -> str | None:
    """None: everybody's, of which the guest has named an order of their own."""
    if order and guest_token() and visitor() is None:
        their_order(session, order)
        return None
    return None if is_staff() else caller().id


def _shown(found: Paying) -> dict[str, Any]:
    code = found.payment.error_code
    error = {"code": code, "detail": code.replace("_", " ")} if code else None
    return {**PAYMENT.dump(found.payment), "transactions": TRANSACTIONS.dump(found.transactions), "error": error}
