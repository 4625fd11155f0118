"""Customers who order while the drill breaks things, and repeat requests that were not answered."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Mapping
from http.client import HTTPException
from typing import Any, Self
from uuid import uuid4

from tests.faults.judge import SUCCEEDED, Judge, accepted_of
from tests.sandboxes import Answer
from tests.stack import Client, Stack
from tests.stack.client import order_of

PATIENCE = 60.0  # seconds a customer keeps repeating one request
ENDS: Mapping[str, Collection[str]] = {
    "tok_ok": SUCCEEDED,
    "tok_flaky": SUCCEEDED,
    "tok_charged_then_timeout": SUCCEEDED,
    "tok_declined": ("failed",),
}


class Shoppers:
    """Customers who order during a block: `with Shoppers(stack, judge, sku): break things`. Its end waits for answers.

    tokens: what they pay with, drawn for each order; ends: how those orders may end, if not as by ENDS.
    """

    def __init__(
        self,
        stack: Stack,
        judge: Judge,
        sku: str,
        *,
        count: int = 3,
        pause: float = 0.2,
        tokens: Collection[str] = ("tok_ok",),
        ends: Collection[str] | None = None,
        seed: int = 1,
    ) -> None:
        self._judge, self._sku, self._pause = judge, sku, pause
        self._tokens, self._ends, self._random = list(tokens), ends, random.Random(seed)
        self._leave = threading.Event()
        self._troubles: list[BaseException] = []
        clients = [stack.client() for _ in range(count)]
        self._threads = [threading.Thread(target=self._shop, args=(client,), daemon=True) for client in clients]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)
        assert not self._troubles, self._troubles[0]

    def _shop(self, client: Client) -> None:
        try:
            while not self._leave.wait(self._pause * self._random.uniform(0.5, 1.5)):
                self._order(client)
        except BaseException as trouble:
            self._troubles.append(trouble)  # raised at the end of the drill: an exception of a thread is not seen

    def _order(self, client: Client) -> None:
        token = self._random.choice(self._tokens)
        # A declined order puts its goods back into the cart: say how many, do not add.
        insist(client, "DELETE", "/api/cart/me", None)
        insist(client, "POST", "/api/cart/me", {"sku": self._sku, "quantity": 1})
        answer = insist(client, "POST", "/api/orders", order_of(token), Idempotency_Key=uuid4().hex)
        if answer.status == 202:
            self._judge.keep(client, accepted_of(answer.body), self._ends or ENDS[token])
        else:
            assert answer.body["code"] == "cart_empty", answer  # the cart was emptied by a repeated DELETE


def insist(client: Client, method: str, path: str, body: dict[str, Any] | None, **headers: str) -> Answer:
    """Repeat a request until it is answered, and not with 503; fails after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = client.call(method, path, body, **headers)
            if answer.status != 503:
                return answer
        except (OSError, HTTPException, ValueError):  # no connection, one that broke, half an answer
            answer = Answer(503, {}, {})
        assert time.monotonic() < deadline, f"{method} {path}: no answer for {PATIENCE} s, last {answer}"
        time.sleep(0.2)
