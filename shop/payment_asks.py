"""Customers who must do something before their order goes on are asked for it, once."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop import orders
from shop.notifications import Telling, tell


def ask(session: Session, order_id: str, *, later: bool = False) -> None:
    """`later`: after a while, if they have not done it by then."""
    order = orders.get(session, order_id)
    if order.email:
        tell(session, Telling("payment_action", order.id, order.email), later=later)
