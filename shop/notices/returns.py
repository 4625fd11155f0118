"""Messages about returns: one for each return and event."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shop.fulfilment.returns import ReturnRow, Status
from shop.notices import orders as order_notices
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, marked

TRUE_WHILE = {
    "return_asked": (Status.REQUESTED,),
    "return_received": (Status.RECEIVED, Status.REFUNDED),
    "return_rejected": (Status.REJECTED,),
}


def begin(session: Session, kind: str, ids: Sequence[str]) -> dict[str, Notice]:
    """Record the notifications that the calling run is about to send. Returns the notices, by return.

    Leaves out returns that have been notified, and those not in a status of TRUE_WHILE any more.
    """
    backs = {row.id: row for row in session.scalars(_true(kind).where(ReturnRow.id.in_(ids)))}
    orders = order_notices.known(session, [row.order_id for row in backs.values()])
    known = {id: orders[row.order_id] for id, row in backs.items() if row.order_id in orders}
    tellings = [NotificationRequest(kind, id, of.email, unasked=order_notices.unasked(of)) for id, of in known.items()]
    begun = outbox.note(session, tellings)
    return {one.subject_id: marked(_notice(session, id, kind, backs[one.subject_id]), one) for one, id in begun.items()}


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row.

    None: the return is not in a status of TRUE_WHILE any more, or its order is anonymised.
    """
    back = session.scalars(_true(row.kind).where(ReturnRow.id == row.subject_id)).first()
    known = back and order_notices.known(session, [back.order_id])
    return _notice(session, row.id, row.kind, back) if back and known else None


def _true(kind: str) -> Select[ReturnRow]:
    return select(ReturnRow).where(ReturnRow.status.in_(TRUE_WHILE[kind]))


def _notice(session: Session, id: str, kind: str, back: ReturnRow) -> Notice:
    """Build the notice, with the goods asked for or, of `return_received`, those that came."""
    order = order_notices.known(session, [back.order_id])[back.order_id]
    came = kind == "return_received"
    counted = {line.sku: line.received if came else line.quantity for line in back.lines}
    goods = order_notices.goods(session, back.order_id, counted)
    return order_notices.notice(id, kind, order, goods=goods, answer=back.answer or "")
