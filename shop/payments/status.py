"""Derive the status of an authorised or captured payment, and of its order, from the payment's sums."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.orders import orders
from shop.orders.states import PaymentStatus
from shop.payments.payments import PaymentRow, Status


def sync_status(session: Session, row: PaymentRow) -> None:
    """Set the status of a locked payment and, unless it is a spare, its order's payment status, from its sums."""
    row.status = _of_payment(row)
    session.flush()
    if not row.spare:
        orders.set_payment_status(session, [row.order_id], _of_order(row))


def _of_payment(row: PaymentRow) -> Status:
    if row.authorised:
        return Status.AUTHORISED
    if not row.captured:
        return Status.VOIDED
    return Status.REFUNDED if _back(row) == row.captured else Status.CAPTURED


def _of_order(row: PaymentRow) -> PaymentStatus:
    if _back(row) == row.captured:
        return _of_what_holds_nothing(row)
    if _back(row):
        return PaymentStatus.PARTIALLY_REFUNDED
    return PaymentStatus.PAID if row.captured == row.amount else PaymentStatus.PARTIALLY_PAID


def _of_what_holds_nothing(row: PaymentRow) -> PaymentStatus:
    if row.authorised:
        return PaymentStatus.AUTHORISED
    return PaymentStatus.REFUNDED if row.captured else PaymentStatus.UNPAID


def _back(row: PaymentRow) -> int:
    return row.refunded + row.settled
