"""What a provider says of a payment, compared with what we have written down, and money that came too late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from shop.payments import payments, refund_rows
from shop.payments.charge_requests import Reversal
from shop.payments.charges import CLOSED, LATE
from shop.payments.payments import PaymentRow, Status

OURS = {
    Status.CAPTURED: "captured",
    Status.REFUNDED: "refunded",
    Status.AUTHORISED: "authorised",
    Status.VOIDED: "voided",
    Status.REQUIRES_ACTION: "requires_action",
}


@dataclass(frozen=True)
class Question:
    """Which charge to ask for."""

    charge_key: str
    provider_id: str | None
    status: str
    amount: int
    currency: str


def question(session: Session, payment_id: str) -> Question | None:
    """None: no provider has ever been asked for it."""
    row = session.get_one(PaymentRow, payment_id)
    if row.method != "card" or not row.charge_key:
        return None
    amount = row.captured or row.amount
    return Question(row.charge_key, row.provider_id, row.status, amount, row.currency)


def answer(asked: Question, theirs: str, amount: int | None, currency: str | None) -> dict[str, Any]:
    """Ours beside theirs; an amount matters only where money was taken."""
    same_state = OURS.get(Status(asked.status)) == theirs
    told = theirs in ("captured", "authorised")
    same_money = not told or (amount, currency) == (asked.amount, asked.currency)
    found = {"ours": asked.status, "theirs": theirs, "agrees": same_state and same_money}
    return found | ({"amount": amount, "currency": currency} if told else {})


def open_return(session: Session, payment_id: str) -> Reversal | None:
    """A closed payment, for which nothing may have been taken: whatever was is given back."""
    row = payments.lock_all(session, [payment_id])[payment_id]
    turned_up = row.status == Status.CAPTURED and row.error_code == LATE
    if not (row.status in CLOSED or turned_up) or not row.charge_key or row.method != "card":
        return None
    left = refund_rows.left(session, row) if turned_up else row.amount
    if not left:
        return None
    return Reversal(row.id, row.order_id, row.status, left, row.currency, row.charge_key, row.provider_id)


def is_spare(session: Session, reversal: Reversal) -> bool:
    """The order is paid with something else."""
    return session.get_one(PaymentRow, reversal.payment_id).spare
