"""Orders that hold reservations during 3-D Secure, and the expiry of these reservations."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from db.functions import in_seconds
from shop.stock.tables import ReservationRow
from tests.faults.judge import Judge
from tests.stack import Client, Order, Stack

GONE = ("failed:reservation_expired",)


def hold(judge: Judge, client: Client, sku: str, count: int) -> list[Order]:
    """Place orders that have reserved their goods and wait; the judge expects their reservations to expire."""
    orders = [client.place(sku, token="tok_3ds") for _ in range(count)]
    for order in orders:
        client.until(order.job_id, lambda job: job["status"] == "waiting")
        judge.keep(client, order, GONE)
    return orders


def held_too_long(stack: Stack, orders: Sequence[Order]) -> None:
    """Set the expiry of the orders' reservations to a second ago."""
    these = ReservationRow.order_id.in_([order.id for order in orders])
    with stack.shelf.session() as session:
        session.execute(update(ReservationRow).where(these).values(expires_at=in_seconds(-1)))


def approve(stack: Stack, orders: Sequence[Order]) -> None:
    """Approve the charges of these orders at the bank, as late customers do."""
    for order in orders:
        [charge] = stack.bank.ledger(order.id)["charges"]
        assert stack.bank.complete_3ds(charge["id"]).status == 200
