"""How long an order's goods are still held for it: nothing is charged that is not held any more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.functions import age
from db.statements import table_of
from engine.outcomes import Refused
from shop.stock.tables import Held, ReservationRow

LAST_CALL = 15.0
"""Seconds before its goods are let go after which an order is charged no more: a call may take twelve."""

_ROW = table_of(ReservationRow).c


def held_for(order_id: Any) -> Any:
    """Seconds until the first of its goods may be let go, below 0 if any are; NULL: it holds nothing."""
    left = case((_ROW.state == Held.HELD, -age(_ROW.expires_at)), else_=-1.0)
    mine = select(func.min(left)).where(_ROW.order_id == order_id, _ROW.state.in_((Held.HELD, Held.EXPIRED)))
    return mine.scalar_subquery()


def seconds(session: Session, order_id: str) -> float | None:
    return session.scalar(select(held_for(order_id)))


def has_lapsed(left: float | None) -> bool:
    """Whether the goods are gone, or may be before the provider has answered."""
    return left is not None and left < LAST_CALL


def lapsed() -> Refused:
    return Refused("reservation_expired", "The goods were not held any more when it was to be paid for.")
