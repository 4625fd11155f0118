"""The ground of the races: a running copy with two APIs and two workers of each kind, and its customers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

from tests.faults.judge import Judge, accepted_of
from tests.faults.races.tabs import Tab
from tests.sandboxes import Answer
from tests.stack import Client, Order, Stack
from tests.stack.client import order_of

SHARES = (("stock", "orders"), ("payments",), ("notifications", "accounts"))
ANY_END = ("succeeded", "failed")


class Ground:
    """A copy for races: make it once, and call `begin(seed)` before every round."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        for nouns in SHARES:
            stack.start_worker(nouns)
        self._doors = [stack.url, stack.start_door()]
        self._people: list[Client] = []
        self.begin(0)

    def begin(self, seed: int) -> None:
        self.random, self.judge = random.Random(seed), Judge(self.stack)

    def people(self, count: int) -> list[Client]:
        """Return `count` customers, in an order drawn by the seed."""
        with ThreadPoolExecutor(2) as hands:  # passwords are slow on purpose, and the shop turns crowds away
            new = range(len(self._people), count)
            self._people += hands.map(lambda n: self.stack.client(f"racer-{n}@example.com"), new)
        return self.random.sample(self._people[:count], count)

    @contextmanager
    def tabs(self, clients: Iterable[Client]) -> Iterator[list[Tab]]:
        """Open a tab for each client, at the two APIs in turn."""
        with ExitStack() as closing:
            opened = [Tab(client, self._doors[n % len(self._doors)]) for n, client in enumerate(clients)]
            for tab in opened:
                closing.callback(tab.close)
            yield opened

    def fill_carts(self, tabs: Sequence[Tab], sku: str) -> None:
        """Put one unit of this SKU, and nothing else, into each customer's cart."""
        with ThreadPoolExecutor(16) as hands:
            list(hands.map(partial(_fill, sku=sku), tabs))

    def keep(self, tabs: Sequence[Tab], answers: Sequence[Answer]) -> list[tuple[Client, Order]]:
        """Give the accepted orders to the judge, with any end allowed, and return them, each once."""
        accepted = [(t.client, accepted_of(a.body)) for t, a in zip(tabs, answers, strict=True) if a.status == 202]
        kept = list({order.id: (client, order) for client, order in accepted}.values())
        for client, order in kept:
            self.judge.keep(client, order, ANY_END)
        return kept


def order(tab: Tab, key: str | None = None, token: str = "tok_ok") -> Answer:
    return tab.call("POST", "/api/orders", order_of(token), **({"Idempotency_Key": key} if key else {}))


def _fill(tab: Tab, sku: str) -> None:
    tab.get("DELETE", "/api/cart/me")
    tab.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
