"""Putting stock right by what it can be derived from: the ledger of movements, and the reservations that live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shop import reservations
from shop.orders import OrderRow, Status
from shop.stock import Held, MovementRow, ReservationRow, StockRow


@dataclass(frozen=True)
class Wrong:
    """A SKU whose figures are not what can be derived for it."""

    sku: str
    on_hand: int
    reserved: int
    moved: int
    held: int

    @property
    def possible(self) -> bool:
        """Whether what is derived makes sense; if not, only somebody who looks at the shelf can tell."""
        return 0 <= self.held <= self.moved

    def __str__(self) -> str:
        return f"{self.sku}: on hand {self.on_hand} -> {self.moved}, reserved {self.reserved} -> {self.held}"


def forgotten(session: Session) -> list[str]:
    """Orders that are closed and still hold goods."""
    row = ReservationRow
    closed = select(row.order_id).join(OrderRow, OrderRow.id == row.order_id).where(OrderRow.status != Status.PENDING)
    return list(session.scalars(closed.where(row.state == Held.HELD).distinct().order_by(row.order_id)))


def wrong(session: Session) -> list[Wrong]:
    """By SKU."""
    live = ReservationRow.state == Held.HELD
    moved = select(MovementRow.sku, func.sum(MovementRow.quantity)).group_by(MovementRow.sku)
    held = select(ReservationRow.sku, func.sum(ReservationRow.quantity)).where(live).group_by(ReservationRow.sku)
    moved_of, held_of = dict(session.execute(moved).all()), dict(session.execute(held).all())
    rows = session.execute(select(StockRow.sku, StockRow.on_hand, StockRow.reserved).order_by(StockRow.sku))
    all_of_them = [Wrong(*row, moved_of.get(row.sku, 0), held_of.get(row.sku, 0)) for row in rows]
    return [one for one in all_of_them if (one.on_hand, one.reserved) != (one.moved, one.held)]


def put_right(session: Session) -> tuple[Sequence[str], Sequence[Wrong]]:
    """Does it, while nobody else moves anything. Returns whose goods were released, and what was wrong then."""
    orders = forgotten(session)
    reservations.release(session, orders)
    session.execute(select(StockRow.sku).order_by(StockRow.sku).with_for_update()).all()
    found = wrong(session)
    for one in found:
        if one.possible:
            values = {"on_hand": one.moved, "reserved": one.held}
            session.execute(update(StockRow).where(StockRow.sku == one.sku).values(values))
    return orders, found
