"""How long an order's reservations still last: nothing is charged for goods that may be sold to another order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.functions import age
from db.statements import table_of
from engine.outcomes import Refused
from shop.stock.tables import Held, ReservationRow

LAST_CALL = 15.0
"""Seconds: an order is not charged when less is left of its reservation. A call may take twelve."""

_ROW = table_of(ReservationRow).c


def held_for(order_id: Any) -> Any:
    """Return a scalar subquery: seconds until the order's first reservation lapses; negative: one has; NULL: none."""
    left = case((_ROW.state == Held.HELD, -age(_ROW.expires_at)), else_=-1.0)
    mine = select(func.min(left)).where(_ROW.order_id == order_id, _ROW.state.in_((Held.HELD, Held.EXPIRED)))
    return mine.scalar_subquery()


def seconds(session: Session, order_id: str) -> float | None:
    """Read `held_for` of one order; None: it holds no reservation."""
    return session.scalar(select(held_for(order_id)))


def has_lapsed(left: float | None) -> bool:
    """Return whether the reservation is gone, or may be before the provider has answered."""
    return left is not None and left < LAST_CALL


def lapsed() -> Refused:
    return Refused("reservation_expired", "The goods were not held any more when it was to be paid for.")
