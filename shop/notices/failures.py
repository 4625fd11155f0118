"""Messages about orders that were cancelled or failed, and why.

Every customer whose order was accepted hears of its end.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.notices import orders as order_notices
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, enqueue
from shop.orders import orders
from shop.orders.history import OrderEventRow
from shop.orders.states import Status
from shop.payments import reminders as payment_reminders
from shop.payments.payments import PaymentRow

KIND, CANCELLED = "order_failed", "order_cancelled"
SOLD_OUT = "out_of_stock"


def notify_customers(session: Session, closed: Mapping[str, str]) -> None:
    """Enqueue one notification an order: cancelled, not paid in time, or failed. `closed`: by order, the code that
    ended it.

    Anonymised orders are left out.
    """
    failed = [id for id, code in closed.items() if code != "cancelled"]
    expired = payment_reminders.give_up(session, failed)
    for id, code in closed.items():
        email = orders.get(session, id).email
        if email and id not in expired:
            enqueue(session, NotificationRequest(CANCELLED if code == "cancelled" else KIND, id, email))


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row. None: the order is not failed, or is anonymised."""
    order = order_notices.known(session, [row.subject_id]).get(row.subject_id)
    if order is None or order.status != Status.FAILED:
        return None
    return order_notices.notice(row.id, row.kind, order, why=_why(session, row.subject_id))


def _why(session: Session, order_id: str) -> str:
    """Tell why an order failed: `sold_out`, `declined` or `other`."""
    event, payment = OrderEventRow, PaymentRow
    reason = session.scalar(select(event.reason).where(event.order_id == order_id, event.to_status == Status.FAILED))
    if reason == SOLD_OUT:
        return "sold_out"
    refusal = select(payment.error_code).where(payment.order_id == order_id, payment.spare.is_(False))
    return "declined" if reason and reason == session.scalar(refusal) else "other"
