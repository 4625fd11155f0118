"""Goods to sell, orders that are accepted and not yet carried out, and how many are through."""

from __future__ import annotations

import time

from sqlalchemy import func, select

import db
import engine
from benchmarks.ground import ADDRESS
from celery_app import app
from db import reading, transaction
from engine.steps import step_tasks
from migrations.models import metadata
from shop import carts, catalogue, checkout, stock
from shop.notifications import NotificationRow
from shop.stock import ReservationRow
from workflows import place_order

SKUS = 50


def stock_up() -> None:
    metadata.create_all(db.engine())
    rows = [_row(number) for number in range(SKUS)]
    with transaction() as session:
        catalogue.import_rows(session, rows)
        for row in rows:
            stock.receive(session, row["sku"], 1_000_000, "for the benchmark")


def accept(number: int, *, start: bool) -> str:
    """One order, written as the API writes it. With `start` its run is begun in the same transaction."""
    with transaction() as session:
        cart = carts.open_guest(session)
        carts.add(session, cart, f"SKU-{number % SKUS}", 1)
        command = checkout.PlaceOrder(None, f"b{number}@example.com", ADDRESS, "standard", "card", "tok_ok")
        order = checkout.place(session, cart, command).id
        if start:
            engine.start(session, place_order, key=order, subject=("order", order))
    return order


_TOUCHED = select(func.count()).select_from(ReservationRow)
_TOLD = select(func.count()).select_from(NotificationRow).where(NotificationRow.state == "sent")


def drained(before: int, orders: int, limit: float = 300.0) -> float:
    """Seconds from the first order touched to the last customer told, after `before` orders of earlier runs."""
    begun = _when(_TOUCHED, before + 1, limit)
    return _when(_TOLD, before + orders, limit) - begun


def step_tasks_run() -> int:
    """How many step tasks the worker that is up has run."""
    stats = app.control.inspect(timeout=3).stats() or {}
    return sum(count for node in stats.values() for task, count in node["total"].items() if task in step_tasks)


def _when(query, wanted: int, limit: float) -> float:  # type: ignore[no-untyped-def]
    """The moment at which the count is reached, looked at every few milliseconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        with reading() as session:
            if (session.scalar(query) or 0) >= wanted:
                return time.monotonic()
        time.sleep(0.005)
    raise TimeoutError(f"not {wanted} within {limit} s")


def _row(number: int) -> dict[str, object]:
    return {
        "slug": f"thing-{number}",
        "name": f"Thing {number}",
        "description": "",
        "category": "bench",
        "image_url": "",
        "sku": f"SKU-{number}",
        "variant_name": "one",
        "options": {},
        "price_cents": 1000 + number,
        "currency": "EUR",
    }
