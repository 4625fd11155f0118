"""The broker is gone while orders come in: 202 all the same, and every order ends by itself (P1)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.proxy import Mode, Proxy
from tests.services.session import Services
from tests.stack import Stack
from tests.stack.environment import embedded, everywhere, on_services

ORDERS = 10
LIMIT = 0.1  # seconds to a 202


@pytest.fixture(scope="module")
def proxied(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Proxy]]:
    """PostgreSQL and RabbitMQ, with a fault proxy before RabbitMQ."""
    folder = tmp_path_factory.mktemp("stack")
    with ExitStack() as closing:
        chosen = closing.enter_context(on_services(services, "proxied"))
        broker = urlsplit(chosen["BROKER_URL"])
        proxy = closing.enter_context(Proxy(broker.hostname or "127.0.0.1", broker.port or 5672))
        login = broker.netloc.rpartition("@")[0]
        there = f"{login}@127.0.0.1:{proxy.port}" if login else f"127.0.0.1:{proxy.port}"
        url = urlunsplit((broker.scheme, there, broker.path, "", ""))
        stack = Stack("services", everywhere(folder) | chosen | {"BROKER_URL": url})
        closing.callback(stack.close)
        stack.start()
        yield stack, proxy


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["refuse", "swallow"])
def test_p1_orders_are_accepted_at_once_and_end_when_rabbitmq_is_back(proxied: tuple[Stack, Proxy], mode: Mode) -> None:
    stack, proxy = proxied
    sku, client = stack.sku(on_hand=100), stack.client()
    client.finished(client.place(sku).job_id)  # everything is warm
    proxy.mode(mode)
    orders, times = _place(client, sku)
    proxy.mode("refuse")  # what fell silent is not heard from again
    proxy.mode("pass")

    assert sorted(times)[len(times) // 2] < LIMIT, times
    assert {client.finished(order.job_id, seconds=90)["status"] for order in orders} == {"succeeded"}
    assert {len(stack.bank.captures(order.id)) for order in orders} == {1}
    assert client.stock(sku)["on_hand"] == 100 - 1 - ORDERS
    stack.doctor()


@pytest.mark.slow
def test_p1_orders_are_accepted_at_once_while_the_embedded_broker_does_not_answer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack("embedded", everywhere(folder) | embedded(folder))
    try:
        stack.start()
        sku, client = stack.sku(on_hand=100), stack.client()
        client.finished(client.place(sku).job_id)
        locked = sqlite3.connect(folder / "broker.db", isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        orders, times = _place(client, sku)
        locked.close()

        assert sorted(times)[len(times) // 2] < LIMIT, times
        assert {client.finished(order.job_id, seconds=90)["status"] for order in orders} == {"succeeded"}
        assert {len(stack.bank.captures(order.id)) for order in orders} == {1}
        stack.doctor()
    finally:
        stack.close()


def _place(client, sku):  # type: ignore[no-untyped-def]
    """Orders with the time each 202 took."""
    orders, times = [], []
    for _ in range(ORDERS):
        client.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
        begun = time.perf_counter()
        orders.append(client.order())
        times.append(time.perf_counter() - begun)
    return orders, times
