"""A customer's orders and returns, for the export of personal data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.fulfilment import returns
from shop.kernel.batches import Page, Place, behind, page
from shop.orders.orders import OrderRow

BOUGHT = (
    "number",
    "status",
    "email",
    "currency",
    "total",
    "shipping_address",
    "billing_address",
    "vat_id",
    "created_at",
)

Told = dict[str, Any]


def export_for(session: Session, customer_id: str, after: Place | None) -> Page:
    """Export one page of the customer's orders, oldest first, with their lines and returns. Amounts in minor units."""
    mine = select(OrderRow).where(OrderRow.customer_id == customer_id)
    orders = session.scalars(behind(mine, (OrderRow.id,), after)).all()
    back = _back(session, [order.id for order in orders])
    return page([_told(order, back[order.id]) for order in orders], (orders[-1].id,) if orders else None)


def _told(order: OrderRow, back: list[Told]) -> Told:
    lines = [{"sku": line.sku, "name": line.name, "quantity": line.quantity} for line in order.lines]
    return {name: getattr(order, name) for name in BOUGHT} | {"lines": lines, "returns": back}


def _back(session: Session, orders: Sequence[str]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = defaultdict(list)
    for row in returns.of_orders(session, orders):
        goods = {line.sku: line.quantity for line in row.lines}
        wish = {"status": row.status, "reason": row.reason, "goods": goods, "created_at": row.created_at}
        found[row.order_id].append(wish)
    return found
