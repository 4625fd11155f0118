"""Customers who take the time: a 202 must come within a second, whatever has broken behind the API."""

from __future__ import annotations

import time
from uuid import uuid4

from tests.faults.judge import Judge, accepted_of
from tests.sandboxes import wait_until
from tests.stack import Client
from tests.stack.client import order_of

LIMIT = 1.0  # seconds to a 202, and
HICCUP = 3.0  # to one in ten, on a machine that runs other tests: less than any timeout of a broken service
SWEPT = 4.0  # seconds within which an order must end that does not need the sweep, which looks after 5


def order_promptly(client: Client, judge: Judge, sku: str, count: int = 10) -> None:
    *took, longest = sorted(_order(client, judge, sku) for _ in range(count))
    assert max(took) < LIMIT, [*took, longest]
    assert longest < HICCUP, longest


def is_soon_quick_again(client: Client, sku: str, seconds: float = 30.0) -> None:
    """Wait until an order ends without the help of the sweep: all processes are connected again."""
    wait_until(lambda: _one_more(client, sku) < SWEPT, seconds=seconds, what="an order that is done at once")


def _order(client: Client, judge: Judge, sku: str) -> float:
    client.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
    begun = time.monotonic()
    answer = client.call("POST", "/api/orders", order_of("tok_ok"), Idempotency_Key=uuid4().hex)
    took = time.monotonic() - begun
    assert answer.status == 202, answer
    judge.keep(client, accepted_of(answer.body))
    return took


def _one_more(client: Client, sku: str) -> float:
    begun = time.monotonic()
    client.finished(client.place(sku).job_id)
    return time.monotonic() - begun
