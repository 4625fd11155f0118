"""Capture, void, refund and verify payments, for staff. Each is a job, so that the call to the provider is visible and
retried, and never takes effect twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.schemas import accepted_with
from api.http.security import STAFF, caller, roles
from api.payments.schemas import CaptureSchema, PaymentSchema, RefundSchema, shown
from db.schema import new_id
from engine import Workflow
from shop.fulfilment.capture_on_shipment import check_none_under_way
from shop.kernel.errors import Invalid
from shop.orders import conflict_of_interest
from shop.payments import queries as payment_queries
from shop.payments import staff_actions as payment_actions
from shop.payments.payments import PaymentRow
from shop.refunds import staff_actions as refund_actions
from workflows import capture_payment as capture_payment_workflow
from workflows import refund_payment as refund_payment_workflow
from workflows import verify_payment as verify_payment_workflow
from workflows import void_payment as void_payment_workflow

blp = Blueprint("payment desk", __name__, description="What staff do with payments")


@blp.post("/api/payments/<uuid:id>/capture")
@roles(*STAFF)
@blp.arguments(CaptureSchema, required=False)
@blp.response(202, accepted_with(payment=PaymentSchema))
@blp.idempotent
def capture_payment(wish: dict[str, Any], id: UUID) -> Response:
    """Capture a payment.

    Capture what was authorised, or a part of it, which voids the rest; or record that a transfer has come, or that
    cash was paid at the door. Staff only.
    """

    def work(session: Session) -> Answer:
        order = payment_actions.get(session, str(id)).order_id
        check_none_under_way(session, order)
        conflict_of_interest.check_order(session, caller().id, order)
        row, amount = payment_actions.begin_capture(session, str(id), _amount(session, id, wish))
        return _start(session, capture_payment_workflow, row, amount=amount)

    return run_command(work)


@blp.post("/api/payments/<uuid:id>/void")
@roles(*STAFF)
@blp.response(202, accepted_with(payment=PaymentSchema))
@blp.idempotent
def void_payment(id: UUID) -> Response:
    """Void a payment's authorisation.

    Void what is still authorised; with nothing captured the order is unpaid again. Staff only.
    """

    def work(session: Session) -> Answer:
        check_none_under_way(session, payment_actions.get(session, str(id)).order_id)
        return _start(session, void_payment_workflow, payment_actions.begin_void(session, str(id)))

    return run_command(work)


@blp.post("/api/payments/<uuid:id>/refunds")
@roles(*STAFF)
@blp.arguments(RefundSchema)
@blp.response(202, accepted_with(payment=PaymentSchema))
@blp.idempotent
def refund_payment(wish: dict[str, Any], id: UUID) -> Response:
    """Refund a payment.

    Refund all or a part, never more than was captured (409), however many requests come at once. Staff only.
    """

    def work(session: Session) -> Answer:
        row = payment_actions.get(session, str(id))
        conflict_of_interest.check_order(session, caller().id, row.order_id)
        run = _run(session, refund_payment_workflow, row, amount=None)
        how = {"reason": wish["reason"], "destination": wish["to"], "by": caller().id}
        refund_actions.request_refund(session, f"{run}:refund_payment", row.id, _amount(session, id, wish), **how)
        return _accepted(session, run, row)

    return run_command(work)


@blp.post("/api/payments/<uuid:id>/verify")
@roles(*STAFF)
@blp.response(202, accepted_with(payment=PaymentSchema))
@blp.idempotent
def verify_payment(id: UUID) -> Response:
    """Verify a payment with its provider.

    Ask the provider for its state, which the job's first step shows. Money for an order that was given up is refunded.
    Staff only.
    """
    return run_command(lambda session: _start(session, verify_payment_workflow, payment_actions.get(session, str(id))))


def _amount(session: Session, id: UUID, wish: dict[str, Any]) -> int | None:
    """Return the amount in minor units, None for all; raise Invalid for zero or another currency than the payment's."""
    money = wish["amount"]
    if money is None:
        return None
    currency = payment_actions.get(session, str(id)).currency
    if money["currency"] != currency or money["amount"] == 0:
        raise Invalid({"amount": [f"More than nothing, in {currency}."]})
    return int(money["amount"])


def _start(session: Session, workflow: Workflow, row: PaymentRow, **more: Any) -> Answer:
    return _accepted(session, _run(session, workflow, row, **more), row)


def _run(session: Session, workflow: Workflow, row: PaymentRow, **more: Any) -> str:
    about = {"payment": row.id, **more}
    return engine.start(
        session, workflow, key=new_id(), subject=("order", row.order_id), input=about, by=caller().id
    ).id


def _accepted(session: Session, run: str, row: PaymentRow) -> Answer:
    return accepted(session, run, payment=shown(payment_queries.get(session, row.id)))
