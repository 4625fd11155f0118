"""Pay for an existing order otherwise than it was placed with.

The second payment is a spare until it has gone well: then it takes the place of the first, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.statements import for_update
from engine.outcomes import Outcome, Refused
from shop.kernel.errors import IllegalMove, Invalid
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import FulfilmentStatus, PaymentStatus
from shop.orders.states import Status as OrderStatus
from shop.payments import methods as payment_methods
from shop.payments import payments
from shop.payments.charge_requests import Reversal
from shop.payments.methods import Buyer
from shop.payments.payments import PaymentRow, Status
from shop.wallets import wallets

OPEN = (Status.REQUIRES_ACTION, Status.PENDING, Status.VOIDED)
"""The states of the first payment that allow another. REFUSED ends the order, unless it offers to pay again."""

BY = {
    Status.CAPTURED: PaymentStatus.PAID,
    Status.AUTHORISED: PaymentStatus.AUTHORISED,
    Status.PENDING: PaymentStatus.PENDING,
}


def buyer_of(session: Session, order: OrderRow) -> Buyer:
    """Return the order's buyer, with the balance of their wallet in the order's currency (guests: 0)."""
    credit = wallets.balance(session, order.customer_id, order.currency) if order.customer_id else 0
    confirmed = order.status == OrderStatus.CONFIRMED
    return Buyer(order.customer_id, order.total, credit, placed=True, confirmed=confirmed)


def begin(session: Session, order_id: str, method: str, token: str | None) -> PaymentRow:
    """Lock the order and insert a spare payment for its total.

    Raises IllegalMove when the order cannot be paid for now, Invalid when the method cannot be used.
    """
    order = orders.lock(session, order_id)
    check_unpaid(order, first_of(session, order_id))
    payment_methods.check(method, token)
    why = payment_methods.hindrance(method, buyer_of(session, order))
    if why:
        raise Invalid({"method": [f"It can not be used: {why.replace('_', ' ')}."]})
    fresh = payments.new(
        order_id,
        method=method,
        provider=payment_methods.provider_of(method),
        amount=order.total,
        currency=order.currency,
        token=token,
        delayed=payment_methods.is_captured_later(method) and _has_all_its_goods(order),
        spare=True,
    )
    payments.write(session, [fresh])
    return session.get_one(PaymentRow, fresh["id"])


def _has_all_its_goods(order: OrderRow) -> bool:
    """Return whether nothing is packed or sent yet: what has left is captured by no later parcel."""
    return order.fulfilment_status == FulfilmentStatus.UNFULFILLED


def check_unpaid(order: OrderRow, first: PaymentRow) -> None:
    """Raise IllegalMove unless the order waits for a payment or is confirmed and still owes one."""
    waits = order.status == OrderStatus.PENDING and (first.status in OPEN or _may_be_replaced(first))
    owes = order.status == OrderStatus.CONFIRMED and order.payment_status in (
        PaymentStatus.UNPAID,
        PaymentStatus.PENDING,
    )
    if not (waits or owes):
        raise IllegalMove(f"The order is {order.status} and its payment {first.status}: it can not be paid for now.")


def _may_be_replaced(first: PaymentRow) -> bool:
    """Return whether the payment was declined and the order waits for another."""
    return first.status == Status.REFUSED and first.next_action is not None


def first_of(session: Session, order_id: str) -> PaymentRow:
    """Lock and return the order's payment in use, not a spare."""
    row = PaymentRow
    return session.scalars(for_update(select(row).where(row.order_id == order_id, row.spare.is_(False)))).one()


def open_withdrawal(session: Session, order_id: str) -> Reversal | Outcome | None:
    """Return the Reversal of a first payment that waits for its customer: it must not go through beside the second.

    None: there is nothing to withdraw. Refused: it is captured, authorised, or may be by now.
    """
    first = first_of(session, order_id)
    if first.status in (Status.CAPTURED, Status.AUTHORISED, Status.CHARGING, Status.CREATED):
        return Refused("already_paid", f"The order's payment is {first.status}.")
    if first.status != Status.REQUIRES_ACTION:
        return None
    return Reversal(
        first.id, order_id, first.status, first.amount, first.currency, first.charge_key or "", first.provider_id
    )


def adopt(session: Session, order_id: str, payment_id: str, *, turning_back: bool) -> Outcome | None:
    """Put the spare in the place of the first payment and set the order's payment status. Safe to call twice.

    Returns Refused when the order is closed or its run compensates (`turning_back`), or when the first payment is
    neither open nor declined.
    """
    order = orders.lock(session, order_id)
    rows = {
        row.id: row for row in session.scalars(for_update(select(PaymentRow).where(PaymentRow.order_id == order_id)))
    }
    spare, first = rows[payment_id], next(row for row in rows.values() if not row.spare)
    if first.id == payment_id:
        return None
    if turning_back or order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED):
        return Refused("order_closed", f"The order is {order.status}.")
    declined = _may_be_replaced(first)
    if not declined and first.status not in (Status.PENDING, Status.VOIDED):
        return Refused("already_paid", f"The order's payment is {first.status}.")
    first.status = Status.REFUSED if declined else Status.VOIDED
    first.next_action, first.spare, spare.spare = None, True, False
    session.flush()
    orders.set_payment_status(session, [order_id], BY[Status(spare.status)])
    return None


def close(session: Session, payment_ids: Sequence[str]) -> None:
    """Void these payments, if no money was asked for or came."""
    for row in payments.lock_all(session, payment_ids).values():
        if row.status in (Status.CREATED, Status.PENDING):
            payments.change(session, row.id, status=Status.VOIDED, token=None)
