"""Payments that no provider is asked for: store credit, bank transfers, and cash at the door.

Everything here is done in the transaction of its step, so it is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from config import settings
from engine.outcomes import Outcome, Refused, Wait
from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments import payments
from shop.payments import reminders as payment_reminders
from shop.payments.payments import Status
from shop.stock import reservations
from shop.wallets import wallets

DAY = 86_400.0
SLACK = 300.0  # seconds from the last moment to pay to the last moment to sell what was paid for
OURS = "shop"
"""What stands in the column `provider` of payments that go through none."""


def transfer_seconds() -> float:
    """Return how many seconds an order waits for its bank transfer."""
    return settings().transfer_days * DAY


def begin(session: Session, row: Any, key: str) -> Outcome | None:
    """Begin a locked payment without a provider; `key` makes its transaction unique.

    Returns None when it is paid or needs no waiting (cash at the door); Wait for a transfer or for another payment in
    the place of a closed one; Refused for too little store credit or a closed spare.
    """
    if row.status in (Status.VOIDED, Status.REFUSED):
        return Refused("order_closed", "The order is not open any more.") if row.spare else _to_be_paid_otherwise(row)
    if row.status not in (Status.CREATED, Status.PENDING, Status.CAPTURING):
        return None
    way = WAYS.get(row.method) if row.amount else _for_nothing  # a coupon may have paid for all of it
    return way(session, row, key) if way else None


def _for_nothing(session: Session, row: Any, key: str) -> None:
    """Mark a payment of nothing as captured, without a transaction."""
    payments.change(session, row.id, status=Status.CAPTURED, token=None)
    if not row.spare:
        orders.set_payment_status(session, [row.order_id], PaymentStatus.PAID)


def _from_wallet(session: Session, row: Any, key: str) -> Outcome | None:
    """Pay the whole amount from the wallet, or refuse the payment: there is no part payment."""
    order = orders.get(session, row.order_id)
    paid = {"kind": "payment", "key": key, "payment_id": row.id}
    enough = order.customer_id and wallets.move(session, order.customer_id, -row.amount, row.currency, **paid)
    if not enough:
        payments.change(session, row.id, status=Status.REFUSED, error_code="insufficient_credit")
        return Refused("insufficient_credit", "There is not so much store credit.")
    take(session, row, OURS, key)
    return None


def take(session: Session, row: Any, provider_id: str, key: str) -> None:
    """Record the capture of the whole amount, and mark the order as paid unless the payment is a spare."""
    payments.record_transaction(session, row, "capture", row.amount, provider_id, key)
    payments.change(session, row.id, status=Status.CAPTURED, captured=row.amount)
    _say(session, row, PaymentStatus.PAID)


def _at_the_door(session: Session, row: Any, key: str) -> Outcome | None:
    _pending(session, row)
    return None


def _by_transfer(session: Session, row: Any, key: str) -> Wait:
    seconds = transfer_seconds()
    if row.status == Status.CREATED:
        reservations.extend(session, [row.order_id], seconds + SLACK)
        payment_reminders.ask(session, row.order_id)
    _pending(session, row)
    return Wait("transfer_expired", "The money did not come in time.", seconds=seconds)


def _pending(session: Session, row: Any) -> None:
    if row.status == Status.CREATED:
        payments.change(session, row.id, status=Status.PENDING)
        _say(session, row, PaymentStatus.PENDING)


WAYS: dict[str, Callable[[Session, Any, str], Outcome | None]] = {
    "wallet": _from_wallet,
    "cash_on_delivery": _at_the_door,
    "bank_transfer": _by_transfer,
}


def _say(session: Session, row: Any, status: PaymentStatus) -> None:
    """Set the order's payment status, unless the payment is a spare: only the one in use counts."""
    if not row.spare:
        orders.set_payment_status(session, [row.order_id], status)


def _to_be_paid_otherwise(row: Any) -> Wait:
    """Return the Wait for another payment: the customer withdrew this one, or the bank declined it."""
    if row.status == Status.REFUSED:
        return declined(row.error_code)
    seconds = 60.0 * settings().authentication_minutes
    return Wait("payment_withdrawn", "The order was not paid for in another way in time.", seconds=seconds)


def retry_seconds() -> float:
    """Return how many seconds an order whose card was declined can be paid otherwise."""
    return 60.0 * settings().payment_retry_minutes


def declined(code: str) -> Wait:
    """Return the Wait of a declined card; if no other payment comes in time, it ends as Refused with `code`."""
    detail = f"{code.replace('_', ' ')}, and the order was not paid for in another way in time."
    return Wait(code, detail, seconds=retry_seconds())


def give_back(session: Session, row: Any, key: str) -> Outcome | None:
    """Reverse a locked payment that no provider knows; `key` makes its transaction unique.

    Store credit is refunded and an open payment voided: None. Cash and transfers that came are Refused with
    `refund_by_hand`, as only staff can return them.
    """
    left = row.captured - row.refunded - row.settled
    if left > 0:
        return refund(session, row, left, key)
    if row.status in (Status.CREATED, Status.PENDING, Status.CAPTURING) or row.amount == 0:
        payments.change(session, row.id, status=Status.VOIDED, token=None)
        _say(session, row, PaymentStatus.UNPAID)
    return None


def refund(session: Session, row: Any, amount: int, key: str) -> Outcome | None:
    """Refund so much (minor units) to the wallet that paid. Refused `refund_by_hand` for other methods, or when the
    account is deleted."""
    if row.method != "wallet":
        return Refused("refund_by_hand", f"Nobody can be asked to give back what came by {row.method}.")
    order = orders.get(session, row.order_id)
    assert order.customer_id, "nobody else has a wallet"
    back = {"kind": "refund", "key": key, "payment_id": row.id}
    if not wallets.move(session, order.customer_id, amount, row.currency, **back):
        return Refused("refund_by_hand", "The account that it was paid from is deleted.")
    payments.record_transaction(session, row, "refund", amount, OURS, key)
    status = Status.REFUNDED if amount + row.refunded + row.settled == row.captured else row.status
    payments.change(session, row.id, refunded=payments.PaymentRow.refunded + amount, status=status)
    whole = status == Status.REFUNDED
    _say(session, row, PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED)
    return None
