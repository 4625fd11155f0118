"""Reminders of abandoned carts: a sequence that ends with an order, an unsubscribe, or any change of the cart.

A change begins a new sequence; how many reminders one customer gets in a month is limited all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Index, String, exists, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_list, in_seconds, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import table_of, upsert
from shop.accounts.users import UserRow
from shop.carts.carts import CartLineRow, CartRow
from shop.catalogue.tables import ProductRow, VariantRow
from shop.consent import eligibility
from shop.consent.eligibility import Recipient
from shop.consent.topics import Topic
from shop.kernel import keys
from shop.orders.orders import OrderRow

MONTH = 30 * 86400.0
GRACE = 48.0  # hours after the last time of the sequence; older carts get no reminder
TOGETHER = 100
HOUR = 3600.0


class CartReminderRow(Base):
    """The `number`th reminder of a cart as it was at `changed_at`. The primary key lets each be sent once."""

    __tablename__ = "cart_reminders"
    __table_args__ = (Index("ix_cart_reminders_user", "user_id", "created_at"),)

    cart_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    changed_at: Mapped[At] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[Id] = mapped_column(unique=True, default=new_id)
    user_id: Mapped[Id]
    state: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, sent, failed, skipped
    detail: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[At] = mapped_column(default=transaction_time())


@dataclass(frozen=True)
class Reminder:
    """A reminder to be sent: the cart's quantities and names. `mark`: the same for two copies of one mail."""

    id: str
    who: Recipient
    lines: Sequence[tuple[int, str]]
    mark: str


def note_due(session: Session, hours: Sequence[float], most: int) -> list[str]:
    """Record the reminders that are due, of each cart only the newest time of the sequence. Returns their ids.

    `hours`: the sequence, in hours since the cart's last change; `most`: reminders of one customer in a month. Of two
    concurrent calls the second records none.
    """
    ends = [*hours[1:], hours[-1] + GRACE]
    found: list[str] = []
    for number, (begin, end) in reversed(list(enumerate(zip(hours, ends, strict=True), 1))):
        left = CartRow.updated_at.between(in_seconds(-end * HOUR), in_seconds(-begin * HOUR))
        found += _write(session, number, session.execute(_left(left, number, most).limit(TOGETHER)).all())
    return found


def take(session: Session, ids: Sequence[str]) -> dict[str, Reminder]:
    """Load those that are still to be sent. The others are skipped, for good."""
    row = CartReminderRow
    same = (CartRow.id == row.cart_id) & (CartRow.updated_at == row.changed_at)
    columns = (row.id, row.cart_id, row.changed_at, row.number, row.user_id)
    query = select(*columns).join(CartRow, same).join(UserRow, UserRow.id == row.user_id)
    wanted = query.where(in_list(row.id, "ids"), row.state == "waiting", _not_ordered_since(row.changed_at))
    rows = session.execute(wanted, {"ids": list(ids)}).all()
    people = eligibility.recipients(session, [one.user_id for one in rows], Topic.REMINDERS)
    lines = _lines(session, [one.cart_id for one in rows])
    there = [one for one in rows if one.user_id in people and one.cart_id in lines]
    found = {one.id: Reminder(one.id, people[one.user_id], lines[one.cart_id], _mark(one)) for one in there}
    end(session, [id for id in ids if id not in found], "skipped", "ordered, changed, or not wanted any more")
    return found


def _mark(row: Any) -> str:
    return keys.message("cart_reminder", row.cart_id, row.changed_at.isoformat(), str(row.number), row.user_id)


def end(session: Session, ids: Sequence[str], state: str, detail: str | None = None) -> None:
    """End waiting reminders with this state. Safe to repeat."""
    row = CartReminderRow
    these = update(row).where(in_list(row.id, "ids"), row.state == "waiting").values(state=state, detail=detail)
    if ids:
        session.execute(these.execution_options(synchronize_session=False), {"ids": list(ids)})


def _left(when: ColumnElement[bool], number: int, most: int) -> Any:
    row = CartReminderRow
    told = exists().where(row.cart_id == CartRow.id, row.changed_at == CartRow.updated_at, row.number >= number)
    lately = select(func.count()).where(row.user_id == CartRow.owner_id, row.created_at > in_seconds(-MONTH))
    return (
        select(CartRow.id, CartRow.updated_at, CartRow.owner_id)
        .join(UserRow, UserRow.id == CartRow.owner_id)
        .where(when, eligibility.reachable(Topic.REMINDERS), exists().where(CartLineRow.cart_id == CartRow.id))
        .where(~told, _not_ordered_since(CartRow.updated_at), lately.scalar_subquery() < most)
        .order_by(CartRow.updated_at)
    )


def _not_ordered_since(moment: Any) -> ColumnElement[bool]:
    return ~exists().where(OrderRow.customer_id == UserRow.id, OrderRow.created_at >= moment)


def _write(session: Session, number: int, carts: Sequence[Any]) -> list[str]:
    if not carts:
        return []
    rows = [
        {"id": new_id(), "cart_id": id, "changed_at": at, "user_id": owner, "number": number, "state": "waiting"}
        for id, at, owner in carts
    ]
    insert = upsert(session, table_of(CartReminderRow)).values(
        [row | {"created_at": transaction_time()} for row in rows]
    )
    once = insert.on_conflict_do_nothing(index_elements=["cart_id", "changed_at", "number"])
    return list(session.scalars(once.returning(table_of(CartReminderRow).c.id)))


def _lines(session: Session, carts: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    line = CartLineRow
    query = select(line.cart_id, line.quantity, ProductRow.name).join(VariantRow, VariantRow.sku == line.sku)
    query = query.join(ProductRow, ProductRow.id == VariantRow.product_id).where(in_list(line.cart_id, "carts"))
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for cart, quantity, name in session.execute(query.order_by(line.added_at, line.sku), {"carts": list(carts)}):
        found[cart].append((quantity, name))
    return found
