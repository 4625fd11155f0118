"""Match a transfer to the payment that waits under its reference, of exactly its amount. Nothing is guessed.

Every match, by hand or not, locks the transfer, then the order, then the payment: of two at once one wins.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import transaction_time
from shop.bank_transfers import transfers
from shop.bank_transfers.transfers import BankTransferRow, Problem
from shop.kernel.errors import IllegalMove, Invalid, NotFound, Refusal
from shop.orders import numbers as order_numbers
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.payments import offline, payments, replacement
from shop.payments.payments import PaymentRow, Status
from shop.payments.staff_actions import CLOSED

Turning = Callable[[str], bool]
"""Returns whether the order of this id has a run that compensates."""

MOVING = (Status.CREATED, Status.CHARGING, Status.CAPTURING, Status.VOIDING)
PAID = (Status.CAPTURED, Status.REFUNDED)


class TransferDoesNotFit(Refusal):
    """The transfer is too little for the payment, or in another currency."""

    code, title = "transfer_does_not_fit", "The transfer does not pay this"


def match(session: Session, row: BankTransferRow, turning: Turning) -> str | None:
    """Match a transfer, which the caller has locked, by its reference; lock the order and its payment.

    Returns the id of the order it pays; None: the transfer stays open, and its `problem` says why.
    """
    order = _order_named(session, row.reference)
    row.order_id, row.problem = order, Problem.UNKNOWN_REFERENCE
    if order is not None:
        status = orders.lock_statuses(session, [order])[order]
        payment = replacement.first_of(session, order)
        row.problem = _hindrance(status, payment, turning(order)) or _difference(row, payment)
        if row.problem is None:
            _pay(session, row, payment)
    session.flush()
    return None if row.problem else order


def match_by_hand(
    session: Session, id: str, payment_id: str, turning: Turning, *, by: str, note: str | None
) -> BankTransferRow:
    """Match an open transfer to the payment that staff name; `note` must say what becomes of money over its amount.

    Raises NotFound; IllegalMove when transfer, order or payment is in the wrong state; Invalid without that note;
    TransferDoesNotFit for too little or another currency.
    """
    row = transfers.hold_open(session, id)
    found = session.get(PaymentRow, payment_id)
    if found is None:
        raise NotFound("There is no such payment.")
    status = orders.lock_statuses(session, [found.order_id])[found.order_id]
    payment = payments.lock_all(session, [payment_id])[payment_id]
    if why := _hindrance(status, payment, turning(payment.order_id)):
        raise IllegalMove(f"The order is {status} and its payment {payment.status}: {why.replace('_', ' ')}.")
    _check_money(row, payment, note)
    row.closed_by, row.note = by, note
    _pay(session, row, payment)
    session.flush()
    session.refresh(row)
    return row


def _order_named(session: Session, reference: str) -> str | None:
    """Return the id of the one order whose number stands in the reference; None: no order, or several."""
    numbers = order_numbers.named_in(reference)
    found = session.scalars(select(OrderRow.id).where(OrderRow.number.in_(numbers)).limit(2)).all() if numbers else ()
    return found[0] if len(found) == 1 else None


def _hindrance(order: str, payment: PaymentRow, turning: bool) -> Problem | None:
    """Return why the payment takes no transfer now, of whatever amount; None: it does."""
    if order in CLOSED:
        return Problem.TOO_LATE
    if turning or payment.status in MOVING:
        return Problem.UNDER_WAY
    if payment.status == Status.PENDING:
        return None
    return Problem.ALREADY_PAID if payment.status in PAID else Problem.NOT_AWAITED


def _difference(row: BankTransferRow, payment: PaymentRow) -> Problem | None:
    if row.currency != payment.currency:
        return Problem.OTHER_CURRENCY
    if row.amount == payment.amount:
        return None
    return Problem.TOO_LITTLE if row.amount < payment.amount else Problem.TOO_MUCH


def _check_money(row: BankTransferRow, payment: PaymentRow, note: str | None) -> None:
    why = _difference(row, payment)
    if why == Problem.TOO_MUCH and not note:
        raise Invalid({"note": [f"Say what becomes of the {row.amount - payment.amount} that are too much."]})
    if why and why != Problem.TOO_MUCH:
        wanted = f"The payment is of {payment.amount} {payment.currency}"
        raise TransferDoesNotFit(f"{wanted}, the transfer of {row.amount} {row.currency}.", problem=why)


def _pay(session: Session, row: BankTransferRow, payment: PaymentRow) -> None:
    offline.take(session, payment, row.transfer_id, key_of(row.id))
    row.payment_id, row.order_id, row.closed_at = payment.id, payment.order_id, transaction_time()


def key_of(id: str) -> str:
    """Return the idempotency key of the capture that this transfer makes."""
    return f"transfer:{id}"
