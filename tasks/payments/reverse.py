"""Reversing an order's charge, or making sure that there was none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

import gateways.payments as provider
from engine import Answer, Done
from engine.outcomes import Outcome, Refused
from gateways.payments import Receipt
from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments import charges
from shop.payments.charge_requests import Reversal
from shop.payments.payments import Status


def remember(session: Session, answers: Sequence[Answer], *, spare: bool = False) -> None:
    """Record the outcomes of reversals.

    `spare`: of a replacement payment, which leaves the order's payment status alone.
    """
    for answer in answers:
        stands = record(session, answer)
        if stands and not spare:
            orders.set_payment_status(session, [answer.request.order_id], stands)


def record(session: Session, answer: Answer) -> PaymentStatus | None:
    """Record the outcome of a reversal.

    Returns the order's new payment status; None: as far as we know nothing has changed.
    """
    if isinstance(answer.result, Done):
        return _undone(session, answer.request, answer.output or {}, answer.run.key)
    taken = answer.result.seen
    if taken is None:
        return None
    charges.record_late_capture(session, answer.request, taken.provider_id, taken.amount)
    return PaymentStatus.PAID


def _undone(session: Session, reversal: Reversal, undone: dict[str, Any], key: str) -> PaymentStatus:
    if "refund" not in undone:
        charges.voided(session, reversal, undone.get("void"), key)
        return PaymentStatus.UNPAID
    charges.refunded(session, reversal, undone["charge"], undone["refund"], undone["amount"], key)
    return PaymentStatus.REFUNDED


def undo(reversal: Reversal, key: str) -> dict[str, Any]:
    """Reverse a charge: refund what was captured, void what was not.

    Returns `{charge, refund, amount}`, `{void}`, or `{}` when there is nothing to reverse. A charge that is not
    recorded as captured is looked up by its key first. An error of refunding an unrecorded charge carries its receipt
    as `seen`.
    """
    if reversal.status == Status.CAPTURED:
        assert reversal.provider_id is not None
        return _refund(reversal.provider_id, reversal.left, key)
    receipt = _look_up(reversal.charge_key)
    if receipt is None or receipt.status == "voided":
        return {}
    if receipt.status == "refunded":
        return _refunded_before(receipt, key)
    if receipt.status == "captured":
        return _refund_unrecorded(receipt, key)
    provider.payments().void(receipt.provider_id, key=key)
    return {"void": receipt.provider_id}


def _refund_unrecorded(taken: Receipt, key: str) -> dict[str, Any]:
    """Refund a charge of which we only learn now: it is recorded even when it cannot be refunded."""
    try:
        return _refund(taken.provider_id, taken.amount, key)
    except Outcome as no:
        no.seen = taken
        raise


def _refunded_before(gone: Receipt, key: str) -> dict[str, Any]:
    """Find the refund of this very step, whose worker died before it was recorded: the key leads to the same refund."""
    try:
        return _refund(gone.provider_id, gone.amount, key)
    except Refused:
        return {}  # refunded at the provider without us; the reconciliation reports it


def _refund(charge_id: str, amount: int, key: str) -> dict[str, Any]:
    receipt = provider.payments().refund(charge_id, amount, key=key)
    return {"charge": charge_id, "refund": receipt.provider_id, "amount": amount}


def _look_up(charge_key: str) -> Receipt | None:
    try:
        return provider.payments().find(charge_key)
    except Refused:
        return None  # the charge was refused: nothing was captured
