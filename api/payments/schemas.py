"""Schemas of payments, and of the requests about them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.http.fields import Line, Moment, Text
from api.http.money import Amount
from api.http.schemas import ErrorSchema, MoneySchema, PageQuery, Schema
from api.orders.schemas import PayWithSchema
from config import settings
from shop.payments.methods import METHODS
from shop.payments.payments import KINDS, Status
from shop.payments.queries import Paying
from shop.payments.refund_rows import SOURCE, WALLET


class TransactionSchema(Schema):
    """`settle`: given back by hand or as store credit. `provider_id`: the provider's id of it."""

    id = fields.String()
    kind = fields.String(metadata={"enum": [*KINDS]})
    amount = Amount()
    provider_id = fields.String()
    at = Moment()


class PaymentSchema(Schema):
    """`next_action`: what the customer must do before the payment can go on: confirm it at the bank, or transfer the
    amount. `authorised`: reserved and not captured. `settled`: given back by hand or as store credit."""

    id = fields.String()
    order_id = fields.String()
    method = fields.String(metadata={"enum": [*METHODS]})
    provider = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    amount = Amount()
    authorised = Amount()
    captured = Amount()
    refunded = Amount()
    settled = Amount()
    transactions = fields.List(fields.Nested(TransactionSchema))
    next_action = fields.Raw(allow_none=True, metadata={"type": "object"})
    error = fields.Nested(ErrorSchema, allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class PaymentsQuery(PageQuery):
    order_id = fields.UUID(load_default=None)


class PayOrderSchema(PayWithSchema):
    order_id = fields.UUID(required=True)


class CaptureSchema(Schema):
    """`amount`: by default all of it."""

    amount = fields.Nested(MoneySchema, load_default=None)


class RefundSchema(CaptureSchema):
    """`amount`: by default all that is left. `to`: the way it came, or the customer's store credit."""

    reason = Text(most=500, required=True)
    to = fields.String(load_default=SOURCE, validate=validate.OneOf((SOURCE, WALLET)))


class MethodsQuery(Schema):
    order = fields.UUID(load_default=None)
    cart = Line(most=64, load_default=None, metadata={"description": "`me`, or a guest's token"})


class MethodSchema(Schema):
    """`why`: a code that says why the method cannot be used."""

    method = fields.String(metadata={"enum": [*METHODS]})
    provider = fields.String()
    usable = fields.Boolean()
    why = fields.String(metadata={"description": "empty when it can be used"})


PAYMENT = PaymentSchema(exclude=["transactions", "error"])
TRANSACTIONS = TransactionSchema(many=True)


def shown(found: Paying) -> dict[str, Any]:
    """Return the body of a payment as PaymentSchema documents it; a pending bank transfer shows the shop's account."""
    code = found.payment.error_code
    error = {"code": code, "detail": code.replace("_", " ")} if code else None
    told = {**PAYMENT.dump(found.payment), "transactions": TRANSACTIONS.dump(found.transactions), "error": error}
    return told | {"next_action": _transfer(found)} if _waits_for_transfer(found) else told


def _waits_for_transfer(found: Paying) -> bool:
    return found.payment.method == "bank_transfer" and found.payment.status == Status.PENDING


def _transfer(found: Paying) -> dict[str, str]:
    return {"type": "transfer", "account": settings().transfer_account, "reference": found.number}
