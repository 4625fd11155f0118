"""One row for each thing somebody was told: event, recipient, channel. It is what keeps a mail from going twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Index, String, bindparam, literal, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from rows import inserting
from shop import order_tokens
from shop.orders import OrderRow, Status
from shop.returns import ReturnRow
from sql import At, Base, Id, among, bare, clock, direct, new_id, now


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
    order_id: str
    number: str
    email: str
    currency: str
    total: int
    breakdown: Sequence[Mapping[str, Any]]  # adds up to total
    tax: int
    tax_included: bool
    coupon_code: str | None
    address: Mapping[str, Any]
    token: str | None = field(default=None, repr=False)  # of a guest


_ORDER, _NOTICE = bare(OrderRow).c, bare(NotificationRow).c
_NAMES = (
    "id",
    "customer_id",
    "cart_id",
    "number",
    "email",
    "currency",
    "total",
    "breakdown",
    "tax",
    "tax_included",
    "coupon_code",
    "shipping_address",
)
_SELECTED = select(*(_ORDER[name] for name in _NAMES))
_ORDERS = _SELECTED.where(
    among(_ORDER.id, "orders"), _ORDER.status == bindparam("standing", type_=String), _ORDER.email != ""
)


def begin(session: Session, event: str, order_ids: Sequence[str], standing: Status) -> dict[str, OrderMail]:
    """Note that these orders' customers are being told of `event`, which is true while they are `standing`.

    Leaves out those who have been told already, those of whom it is not true any more, and orders that have forgotten
    whose they were.
    """
    orders = direct(session, _ORDERS, {"orders": list(order_ids), "standing": standing}).all()
    if not orders:
        return {}
    sending = note(session, event, {order.id: order.email for order in orders})
    return {row.id: mail_of(sending[row.id], row) for row in orders if row.id in sending}


def note(session: Session, event: str, recipients: Mapping[str, str]) -> dict[str, str]:
    """Note that these, by subject, are being told. Returns the notices by subject; without those who have been."""
    if not recipients:
        return {}
    rows = [{"id": new_id(), "subject_id": id, "recipient": recipient} for id, recipient in recipients.items()]
    return dict(_BEGIN(session, rows, event=event).all())


def again(session: Session, order_id: str, id: str) -> OrderMail | None:
    """What a guest's order says, under another id; None when there is no such order, or it has an owner."""
    order = session.execute(_SELECTED.where(_ORDER.id == order_id, _ORDER.customer_id.is_(None))).first()
    return mail_of(id, order) if order else None


def mail_of(id: str, order: Any) -> OrderMail:
    return OrderMail(
        id,
        order.id,
        order.number,
        order.email,
        order.currency,
        order.total,
        order.breakdown or (),
        order.tax,
        order.tax_included,
        order.coupon_code,
        order.shipping_address,
        order_tokens.for_guest(order),
    )


def _unless_told(insert: Any) -> Any:
    """Returns those that are new or still being sent, and none that has an end."""
    again = insert.on_conflict_do_update(
        index_elements=["event", "subject_id", "recipient", "channel"],
        set_={"updated_at": clock()},
        where=_NOTICE.state == "sending",
    )
    return again.returning(_NOTICE.subject_id, _NOTICE.id)


_BEGIN = inserting(
    bare(NotificationRow),
    "id",
    "subject_id",
    "recipient",
    then=_unless_told,
    event=bindparam("event", type_=String),
    channel=literal("email"),
    state=literal("sending"),
)
_FINISH = (
    update(bare(NotificationRow))
    .where(among(_NOTICE.id, "notices"))
    .values(state=bindparam("next_state"), detail=bindparam("why", type_=String), updated_at=clock())
)


def finish(session: Session, ids: Sequence[str], state: str, detail: str | None = None) -> None:
    if ids:
        direct(session, _FINISH, {"notices": list(ids), "next_state": state, "why": detail})


def told(session: Session, customer_id: str) -> list[dict[str, Any]]:
    """For the export: what this customer was told, oldest first."""
    names = ("event", "recipient", "channel", "state", "created_at")
    rows = session.scalars(select(NotificationRow).where(_theirs(customer_id)).order_by(NotificationRow.id))
    return [{name: getattr(row, name) for name in names} for row in rows]


def of_customer(
    session: Session, customer_id: str | None, *, limit: int, before: str | None = None
) -> list[NotificationRow]:
    """What this customer was told about their orders and their account, newest first; of all when none is named."""
    row = NotificationRow
    query = select(row).order_by(row.id.desc()).limit(limit)
    if customer_id:
        query = query.where(_theirs(customer_id))
    return list(session.scalars(query.where(row.id < before) if before else query))


def _theirs(customer_id: str) -> ColumnElement[bool]:
    orders = select(OrderRow.id).where(OrderRow.customer_id == customer_id)
    backs = select(ReturnRow.id).where(ReturnRow.order_id.in_(orders))
    about = NotificationRow.subject_id
    return or_(about == customer_id, about.in_(orders), about.in_(backs))
