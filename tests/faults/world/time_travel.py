"""Let a day pass: move every stored time of the orders a day back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Table

import engine.tables  # noqa: F401
import shop.payments.provider_events  # noqa: F401 - and with it orders, payments, stock
from db.schema import Base, Moment
from tests.stack import Stack

EARLIER = {
    "embedded": "strftime('%Y-%m-%d %H:%M:%f', {0}, '-1 day') || '000'",
    "services": "{0} - interval '1 day'",
}
OF_ORDERS = (
    *("orders", "order_events", "payments", "payment_transactions", "reservations", "stock", "stock_movements"),
    *("notifications", "runs", "journal", "failed_attempts"),
)


def a_day_passes(stack: Stack) -> None:
    for name in OF_ORDERS:
        for column in _moments(Base.metadata.tables[name]):
            earlier = EARLIER[stack.pair].format(column.name)
            stack.shelf.change(f"UPDATE {name} SET {column.name} = {earlier}")


def state_of_orders(stack: Stack) -> dict[str, list[str]]:
    """Return all rows about orders, their payments and their stock, by table, to compare."""
    return {name: sorted(map(repr, stack.shelf.rows(f"SELECT * FROM {name}"))) for name in OF_ORDERS}


def _moments(table: Table) -> Iterator[Column[object]]:
    yield from (column for column in table.columns if isinstance(column.type, Moment))
