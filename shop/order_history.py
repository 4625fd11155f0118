"""What a person has bought and sent back, for when they ask what the shop knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import returns
from shop.orders import OrderRow

BOUGHT = ("number", "status", "email", "currency", "total", "shipping_address", "created_at")


def told(session: Session, customer_id: str) -> list[dict[str, Any]]:
    """All their orders, oldest first. Amounts in minor units."""
    mine = select(OrderRow).where(OrderRow.customer_id == customer_id).order_by(OrderRow.id)
    return [_told(session, order) for order in session.scalars(mine)]


def _told(session: Session, order: OrderRow) -> dict[str, Any]:
    lines = [{"sku": line.sku, "name": line.name, "quantity": line.quantity} for line in order.lines]
    return {name: getattr(order, name) for name in BOUGHT} | {"lines": lines, "returns": list(_back(session, order))}


def _back(session: Session, order: OrderRow) -> Iterator[dict[str, Any]]:
    for row in returns.of_order(session, order.id):
        goods = {line.sku: line.quantity for line in row.lines}
        yield {"status": row.status, "reason": row.reason, "goods": goods, "created_at": row.created_at}
