"""Customers of every kind: good and bad cards, 3-D Secure, SKUs that sell out, cancellations."""

from __future__ import annotations

import time
from collections.abc import Mapping
from uuid import uuid4

from tests.faults.judge import Judge, accepted_of
from tests.faults.shoppers import Shoppers, insist
from tests.faults.soak.card_holders import CardHolder
from tests.sandboxes import Answer
from tests.stack import Client, Order, Stack
from tests.stack.client import order_of

CARDS: Mapping[str, tuple[int, str]] = {  # how often it is drawn, and how an order with it ends in fair weather
    "tok_ok": (50, "succeeded"),
    "tok_declined": (10, "failed:card_declined"),
    "tok_flaky": (10, "succeeded"),
    "tok_charged_then_timeout": (10, "succeeded"),
    "tok_slow": (5, "succeeded"),
    "tok_3ds": (15, ""),  # see holders.py
}
SECOND_THOUGHTS = 0.1


class Customers(Shoppers):
    """Customers who order SKUs of which there is plenty, and scarce ones, which sell out."""

    def __init__(self, stack: Stack, judge: Judge, *, count: int, pause: float, seed: int) -> None:
        self._plenty = [stack.sku(on_hand=1_000_000) for _ in range(3)]
        self._scarce = [stack.sku(on_hand=on_hand) for on_hand in (20, 60, 120)]
        self.complaints: list[str] = []
        self._holder = CardHolder(stack.bank, seed)
        super().__init__(stack, judge, "", count=count, pause=pause, seed=seed)

    def _order(self, client: Client) -> None:
        """Order; note an answer that should not have come as a complaint, and go on."""
        try:
            self._order_something(client)
        except AssertionError as trouble:
            self.complaints.append(str(trouble))

    def _order_something(self, client: Client) -> None:
        wants = self._wants()
        card = self._random.choices(list(CARDS), [often for often, _ in CARDS.values()])[0]
        placed = _place(client, wants, card)
        if placed is None:
            return
        ends = {self._holder.answer(client, placed) if card == "tok_3ds" else CARDS[card][1]}
        if not _bought(placed).isdisjoint(self._scarce):
            ends.add("failed:out_of_stock")
        if self._random.random() < SECOND_THOUGHTS and self._called_off(client, placed):
            ends = {"failed"}
        self._judge.keep(client, placed, ends)

    def _wants(self) -> dict[str, int]:
        """Draw one to three SKUs with quantities; carts at the same time name the same SKUs in different orders."""
        skus = self._random.sample(self._plenty + self._scarce, self._random.choice((1, 1, 2, 3)))
        return {sku: self._random.randint(1, 3) for sku in skus}

    def _called_off(self, client: Client, placed: Order) -> bool:
        """Cancel the job; return whether that was accepted. Not the order: that would also refund what is paid."""
        time.sleep(self._random.uniform(0, 1))
        answer = insist(client, "POST", f"/api/jobs/{placed.job_id}/cancel", None, Idempotency_Key=uuid4().hex)
        assert answer.status in (202, 409), answer
        return answer.status == 202


def _place(client: Client, wants: Mapping[str, int], card: str) -> Order | None:
    """Fill the cart and order it; None if a repeated earlier request emptied the cart in between."""
    _well(insist(client, "DELETE", "/api/cart/me", None))
    for sku, quantity in wants.items():
        line = {"sku": sku, "quantity": quantity}
        _well(insist(client, "POST", "/api/cart/me", line, Idempotency_Key=uuid4().hex))
    answer = insist(client, "POST", "/api/orders", order_of(card), Idempotency_Key=uuid4().hex)
    if answer.status == 202:
        return accepted_of(answer.body)
    assert (answer.status, answer.body.get("code")) == (409, "cart_empty"), answer
    return None


def _bought(order: Order) -> set[str]:
    """Return the SKUs of the 202: a failed order before may have put others back into the cart meanwhile."""
    return {line["sku"] for line in order.body["order"]["lines"]}


def _well(answer: Answer) -> Answer:
    assert answer.status < 400, answer
    return answer
