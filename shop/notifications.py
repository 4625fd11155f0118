"""One row for each thing somebody was told: event, recipient, channel. It is what keeps a mail from going twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Index, String, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.orders import OrderRow
from sql import At, Base, Id, among, bare, clock, new_id, now, upsert, write_many


class NotificationRow(Base):
    """`state`: sending (handed over, or about to be), sent, or refused by the recipient's mail server."""

    __tablename__ = "notifications"
    __table_args__ = (Index("uq_notifications_event", "event", "subject_id", "recipient", "channel", unique=True),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[Id]
    recipient: Mapped[str] = mapped_column(String(254))
    channel: Mapped[str] = mapped_column(String(20), default="email")
    state: Mapped[str] = mapped_column(String(20), default="sending")
    detail: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[At] = mapped_column(default=now())
    updated_at: Mapped[At] = mapped_column(default=now())


@dataclass(frozen=True)
class OrderMail:
    """A notification about an order that is to be sent, with the order as it is committed."""

    id: str
    order: OrderRow


def begin(session: Session, event: str, order_ids: Sequence[str]) -> dict[str, OrderMail]:
    """Note that these orders' customers are being told of `event`. Leaves out those who have been already."""
    found = session.scalars(select(OrderRow).where(among(OrderRow.id, "orders")), {"orders": list(order_ids)}).all()
    if not found:
        return {}
    rows = [{"id": new_id(), "event": event, "subject_id": order.id, "recipient": order.email} for order in found]
    table = bare(NotificationRow)
    base = upsert(session, table).values(channel="email", state="sending", created_at=now(), updated_at=now())
    write_many(session, base.on_conflict_do_nothing(), rows)
    open_ids = _open(session, event, order_ids)
    return {order.id: OrderMail(open_ids[order.id], order) for order in found if order.id in open_ids}


def finish(session: Session, ids: Sequence[str], state: str, detail: str | None = None) -> None:
    if ids:
        session.execute(
            update(NotificationRow)
            .where(NotificationRow.id.in_(ids))
            .values(state=state, detail=detail, updated_at=clock())
            .execution_options(synchronize_session=False)
        )


def of_customer(
    session: Session, customer_id: str | None, *, limit: int, before: str | None = None
) -> list[NotificationRow]:
    """What this customer was told about their orders and their account, newest first; of all when none is named."""
    row = NotificationRow
    query = select(row).order_by(row.id.desc()).limit(limit)
    if customer_id:
        orders = select(OrderRow.id).where(OrderRow.customer_id == customer_id)
        query = query.where(or_(row.subject_id == customer_id, row.subject_id.in_(orders)))
    return list(session.scalars(query.where(row.id < before) if before else query))


def _open(session: Session, event: str, order_ids: Sequence[str]) -> dict[str, str]:
    row = NotificationRow
    query = select(row.subject_id, row.id).where(
        among(row.subject_id, "orders"), row.event == event, row.state == "sending"
    )
    return dict(session.execute(query, {"orders": list(order_ids)}).all())
