"""A contender that does not carry the orders out."""

from __future__ import annotations

from sqlalchemy.orm import Session


def begin(session: Session, order_id: str) -> None:
    """Do nothing: the order is only written."""


def hand_over(order_id: str) -> None:
    """Do nothing."""
