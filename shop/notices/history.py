"""Notifications of a customer: for themselves, for staff, and for the export."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from shop.fulfilment.returns import ReturnRow
from shop.kernel.batches import Page, Place, behind, page
from shop.notifications.outbox import NotificationRow
from shop.orders.orders import OrderRow


def export_for(session: Session, customer_id: str, after: Place | None) -> Page:
    """Export one page of the notifications to this customer, oldest first."""
    row, names = NotificationRow, ("recipient", "channel", "state", "created_at")
    rows = session.scalars(behind(select(row).where(theirs(customer_id)), (row.id,), after)).all()
    items = [
        {"event": one.kind, **{name: getattr(one, name) for name in names}, "message": one.content} for one in rows
    ]
    return page(items, (rows[-1].id,) if rows else None)


def newest(
    session: Session, *, limit: int, before: str | None = None, where: Sequence[ColumnElement[bool]] = ()
) -> list[NotificationRow]:
    """List notifications, newest first, beginning below the id `before`."""
    row = NotificationRow
    query = select(row).where(*where).order_by(row.id.desc()).limit(limit)
    return list(session.scalars(query.where(row.id < before) if before else query))


def conditions(
    *, event: str | None = None, status: str | None = None, customer: str | None = None, **same: str
) -> list[ColumnElement[bool]]:
    """Build filters for `newest`.

    `event`: the kind of letter, with any turn; `status`: its state; `same`: columns with their values.
    """
    row = NotificationRow
    found = [getattr(row, name) == value for name, value in same.items()]
    if event:
        found.append(or_(row.event == event, row.event.startswith(f"{event}:", autoescape=True)))
    if status:
        found.append(row.state == status)
    if customer:
        found.append(theirs(customer))
    return found


def theirs(customer_id: str) -> ColumnElement[bool]:
    """Return the condition for notifications about this customer's account, orders and returns."""
    orders = select(OrderRow.id).where(OrderRow.customer_id == customer_id)
    backs = select(ReturnRow.id).where(ReturnRow.order_id.in_(orders))
    about = NotificationRow.subject_id
    return or_(about == customer_id, about.in_(orders), about.in_(backs))
