"""Giving an order's money back, or making sure that none was taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

import gateways.payments as provider
from engine import Answer
from gateways.payments import Receipt
from outcomes import Refused
from shop import charging, orders
from shop.charging import Reversal
from shop.orders import PaymentStatus
from shop.payments import Status


def remember(session: Session, answers: Sequence[Answer], *, spare: bool = False) -> None:
    for answer in answers:
        if answer.output is not None:
            back = record(session, answer.request, answer.output, answer.run.key)
            if not spare:
                orders.set_payment_status(session, [answer.request.order_id], back)


def record(session: Session, reversal: Reversal, undone: dict[str, Any], key: str) -> PaymentStatus:
    """Returns what has become of the money."""
    if "refund" not in undone:
        charging.voided(session, reversal, undone.get("void"), key)
        return PaymentStatus.UNPAID
    charging.refunded(session, reversal, undone["charge"], undone["refund"], undone["amount"], key)
    return PaymentStatus.REFUNDED


def undo(reversal: Reversal, key: str) -> dict[str, Any]:
    if reversal.status == Status.CAPTURED:
        assert reversal.provider_id is not None
        return _refund(reversal.provider_id, reversal.left, key)
    receipt = _look_up(reversal.charge_key)
    if receipt is None or receipt.status in ("voided", "refunded"):
        return {}
    if receipt.status == "captured":
        return _refund(receipt.provider_id, receipt.amount, key)
    provider.payments().void(receipt.provider_id, key=key)
    return {"void": receipt.provider_id}


def _refund(charge_id: str, amount: int, key: str) -> dict[str, Any]:
    receipt = provider.payments().refund(charge_id, amount, key=key)
    return {"charge": charge_id, "refund": receipt.provider_id, "amount": amount}


def _look_up(charge_key: str) -> Receipt | None:
    try:
        return provider.payments().find(charge_key)
    except Refused:
        return None  # the answer was a no: nothing was taken
