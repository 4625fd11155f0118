"""Notifications for customers who must act before their order goes on: a reminder, and that it is too late."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.notifications.outbox import NotificationRequest, NotificationRow, State, enqueue
from shop.orders import orders

ASKED, OVER = "payment_action", "order_expired"


def ask(session: Session, order_id: str, *, later: bool = False) -> None:
    """Enqueue the reminder to pay, once for each order; none without an address.

    later: send it only after PAYMENT_REMINDER_SECONDS, and only if the order still waits then.
    """
    order = orders.get(session, order_id)
    if order.email:
        enqueue(session, NotificationRequest(ASKED, order.id, order.email), later=later)


def give_up(session: Session, failed: Sequence[str]) -> set[str]:
    """Enqueue a notification that the time to pay is over, for each of these orders whose reminder was sent.

    Returns the ids of those orders.
    """
    row = NotificationRow
    asked = select(row.subject_id).where(row.event == ASKED, row.subject_id.in_(failed), row.state == State.SENT)
    waited = session.scalars(asked.distinct().order_by(row.subject_id)).all() if failed else ()
    for id in waited:
        if email := orders.get(session, id).email:
            enqueue(session, NotificationRequest(OVER, id, email))
    return set(waited)
