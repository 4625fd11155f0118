"""Customers who must do something before their order goes on are asked for it, once, and told when it was too late."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.notifications.outbox import NotificationRequest, NotificationRow, State, enqueue
from shop.orders import orders

ASKED, OVER = "payment_action", "order_expired"


def ask(session: Session, order_id: str, *, later: bool = False) -> None:
    """`later`: after a while, if they have not done it by then."""
    order = orders.get(session, order_id)
    if order.email:
        enqueue(session, NotificationRequest(ASKED, order.id, order.email), later=later)


def give_up(session: Session, failed: Sequence[str]) -> set[str]:
    """Whoever was asked to pay for one of these orders is told that nobody waits for it any more. Returns those."""
    row = NotificationRow
    asked = select(row.subject_id).where(row.event == ASKED, row.subject_id.in_(failed), row.state == State.SENT)
    waited = session.scalars(asked.distinct().order_by(row.subject_id)).all() if failed else ()
    for id in waited:
        if email := orders.get(session, id).email:
            enqueue(session, NotificationRequest(OVER, id, email))
    return set(waited)
