"""Customers with 3-D Secure who answer at the moment at which the bank has the charge."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from tests.faults.judge import Judge, accepted_of
from tests.faults.shoppers import Shoppers, insist
from tests.sandboxes import wait_until
from tests.stack import Client, Stack
from tests.stack.client import order_of

ENDS: dict[str, Collection[str]] = {"approve": ("succeeded",), "refuse": ("failed:authentication_failed",)}


class CardHolders(Shoppers):
    """Customers of whom most approve, some refuse."""

    def __init__(self, stack: Stack, judge: Judge, sku: str, *, count: int = 3, pause: float = 0.2) -> None:
        super().__init__(stack, judge, sku, count=count, pause=pause)
        self._bank = stack.bank

    def _order(self, client: Client) -> None:
        wish = self._random.choice(("approve", "approve", "refuse"))
        insist(client, "DELETE", "/api/cart/me", None)
        insist(client, "POST", "/api/cart/me", {"sku": self._sku, "quantity": 1})
        placed = accepted_of(
            insist(client, "POST", "/api/orders", order_of("tok_3ds"), Idempotency_Key=uuid4().hex).body
        )
        self._judge.keep(client, placed, ENDS[wish])
        wait_until(lambda: self._charges(placed.id), seconds=30, what="the bank to be asked")
        self._bank.complete_3ds(self._charges(placed.id)[0]["id"], wish)

    def _charges(self, order: str) -> list[dict[str, str]]:
        charges: list[dict[str, str]] = self._bank.ledger(order)["charges"]
        return charges
