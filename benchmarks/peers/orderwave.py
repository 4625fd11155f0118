"""Orderwave, begun as `api/orders/placement.py` does: the run is committed with the order, and the flusher sends it."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from workflows import place_order


def begin(session: Session, order_id: str) -> None:
    engine.start(session, place_order, key=order_id, subject=("order", order_id))


def hand_over(order_id: str) -> None:
    """Do nothing: the flusher sends the run after the commit."""
