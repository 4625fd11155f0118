"""Publish the `order.*` events, and build their payloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from db.functions import in_list
from db.statements import execute_core
from shop.kernel.times import rfc3339
from shop.webhooks import events
from shop.webhooks.events import DomainEvent, Kind

TOLD = {
    (None, "pending"): Kind.ORDER_PLACED,
    ("pending", "confirmed"): Kind.ORDER_CONFIRMED,
    ("pending", "cancelled"): Kind.ORDER_CANCELLED,
    ("cancelling", "cancelled"): Kind.ORDER_CANCELLED,
    ("pending", "failed"): Kind.ORDER_FAILED,
}
"""The event of each move. A cancellation that has begun, or was given up, publishes none: nothing is final yet."""

_NAMES = ("id", "number", "customer_id", "status", "payment_status", "currency", "total", "created_at")


def tell(session: Session, orders: Table, moves: Sequence[Mapping[str, Any]], to: str, reason: str) -> None:
    """Publish the events of these moves: of each order its `order_id` and `from_status` (None for a new one)."""
    kinds = {move["order_id"]: TOLD.get((move["from_status"], to)) for move in moves}
    told = [id for id, kind in kinds.items() if kind]
    rows = execute_core(
        session, select(*(orders.c[name] for name in _NAMES)).where(in_list(orders.c.id, "ids")), {"ids": told}
    )
    facts = {row.id: _fact(row._mapping, reason) for row in rows} if told else {}
    events.publish(session, [DomainEvent(kind, facts[id]) for id, kind in kinds.items() if kind])


def _fact(order: Mapping[str, Any], reason: str) -> dict[str, Any]:
    money = {"amount": order["total"], "currency": order["currency"]}
    parts = {"order_id": order["id"], "number": order["number"], "customer_id": order["customer_id"]}
    states = {"status": str(order["status"]), "payment_status": order["payment_status"], "reason": reason}
    return {**parts, **states, "total": money, "created_at": rfc3339(order["created_at"])}
