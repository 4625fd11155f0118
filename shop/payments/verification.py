"""Compare a payment with the provider's record of it, and open the reversal of money that came too late."""

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
    """A charge to ask the provider for, and what our rows say of it; `amount` in minor units."""

    charge_key: str
    provider_id: str | None
    status: str
    amount: int
    currency: str


def question(session: Session, payment_id: str) -> Question | None:
    """Return the question for this payment; None: no provider was ever asked to charge it."""
    row = session.get_one(PaymentRow, payment_id)
    if row.method != "card" or not row.charge_key:
        return None
    amount = row.captured or row.amount
    return Question(row.charge_key, row.provider_id, row.status, amount, row.currency)


def answer(asked: Question, theirs: str, amount: int | None, currency: str | None) -> dict[str, Any]:
    """Return our status beside the provider's and whether they agree; the amount counts only where money is held.

    `theirs`: the provider's status of the charge; `amount` in minor units.
    """
    same_state = OURS.get(Status(asked.status)) == theirs
    told = theirs in ("captured", "authorised")
    same_money = not told or (amount, currency) == (asked.amount, asked.currency)
    found = {"ours": asked.status, "theirs": theirs, "agrees": same_state and same_money}
    return found | ({"amount": amount, "currency": currency} if told else {})


def open_return(session: Session, payment_id: str) -> Reversal | None:
    """Lock a payment and return the reversal of what came after it was closed; None: there is nothing to reverse."""
    row = payments.lock_all(session, [payment_id])[payment_id]
    turned_up = row.status == Status.CAPTURED and row.error_code == LATE
    if not (row.status in CLOSED or turned_up) or not row.charge_key or row.method != "card":
        return None
    left = refund_rows.left(session, row) if turned_up else row.amount
    if not left:
        return None
    return Reversal(row.id, row.order_id, row.status, left, row.currency, row.charge_key, row.provider_id)


def is_spare(session: Session, reversal: Reversal) -> bool:
    """Return whether the order is paid with another payment than this one."""
    return session.get_one(PaymentRow, reversal.payment_id).spare
