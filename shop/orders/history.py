"""The history of orders: every move of every order, and why. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import table_of
from shop.webhooks.events import HEARD


class OrderEventRow(Base):
    """One move of an order from status to status; `reason`: a code, or empty."""

    __tablename__ = "order_events"

    __table_args__ = (UniqueConstraint("order_id", "position"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]  # from 1, within the order
    from_status: Mapped[str | None] = mapped_column(String(20))
    to_status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[At] = mapped_column(default=transaction_time())


IN_TURN = (OrderEventRow.order_id, OrderEventRow.position)
"""Sorts by order and then by position, not by time: a clock may be set back between two moves."""


def of(session: Session, order_id: str) -> list[OrderEventRow]:
    return list(session.scalars(select(OrderEventRow).where(OrderEventRow.order_id == order_id).order_by(*IN_TURN)))


def write(session: Session, moves: Sequence[dict[str, Any]], to: str, reason: str) -> bool:
    """Append moves to the history; `moves`: of each order its `order_id` and `from_status` (None for a new one).

    The caller has locked the orders. Returns whether any webhook endpoint listens, read by the same statement.
    """
    written = _WRITE(session, [{"id": new_id(), **move, "to_status": to, "reason": reason} for move in moves])
    return any(written.scalars().all())


def _next(given: Any) -> Any:
    """Return the next position of the order: no other move takes it, as the caller has locked the order."""
    there = table_of(OrderEventRow).alias()
    last = select(func.max(there.c.position)).where(there.c.order_id == given.order_id).scalar_subquery()
    return func.coalesce(last, 0) + 1


_WRITE = inserting(
    table_of(OrderEventRow),
    *("id", "order_id", "from_status", "to_status", "reason"),
    then=lambda insert: insert.returning(HEARD),
    each={"position": _next},
    at=statement_time(),
)
