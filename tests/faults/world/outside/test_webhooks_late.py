"""The bank's webhooks come a day late, when everything has ended long ago: they change nothing (P4, P7)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from sandbox.bank.webhooks import signature
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.proxied_stack import World, make
from tests.faults.world.time_travel import a_day_passes, state_of_orders
from tests.faults.world.webhook_proxy import HOOK
from tests.sandbox.receiver import Receiver
from tests.sandboxes import Answer, request, wait_until
from tests.services.session import Services
from tests.stack import Stack
from tests.stack.fixtures import PAIRS

pytestmark = pytest.mark.slow

DAY = 86_400
CANCELLED = ("failed:cancelled",)
KINDS = {"charge.succeeded", "charge.refunded"}
Event = dict[str, Any]


@pytest.fixture(scope="module", params=PAIRS)
def world_of_module(
    request: pytest.FixtureRequest, bag: Receiver, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    public = bag.url.removesuffix("/hooks")
    with make(request.param, tmp_path_factory.mktemp("world"), services, "late", PUBLIC_URL=public) as made:  # type: ignore[arg-type]
        yield made


def test_p4_p7_a_day_later_the_orders_stay_as_they_ended(world: World, judge: Judge, bag: Receiver) -> None:
    events = _a_day_ago(world.stack, judge, bag)
    before = state_of_orders(world.stack)
    assert {event["type"] for event in events} == KINDS
    turned = [{**event, "id": f"evt_{uuid4().hex}", "type": "charge.failed"} for event in events]
    answers = [_deliver(world.stack, event, at=time.time()) for event in events + turned]
    assert {(answer.status, answer.body["repeated"]) for answer in answers} == {(200, False)}
    assert state_of_orders(world.stack) == before
    assert _kept(world.stack) == len(events + turned)
    judge.verdict().must_be_clean()


def test_p4_p7_a_delivery_that_was_signed_a_day_ago_is_turned_away(world: World, judge: Judge, bag: Receiver) -> None:
    """Whoever caught it on its way, and sends it again."""
    events, kept = _a_day_ago(world.stack, judge, bag), _kept(world.stack)
    before = state_of_orders(world.stack)
    answers = [_deliver(world.stack, event, at=time.time() - DAY) for event in events]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(400, "bad_signature")}
    assert state_of_orders(world.stack) == before
    assert _kept(world.stack) == kept
    judge.verdict().must_be_clean()


def _a_day_ago(stack: Stack, judge: Judge, bag: Receiver) -> list[Event]:
    """Place orders that end, some cancelled, and move all a day back; return the bank's events of them, undelivered."""
    bag.came.clear()
    before = _entries(stack)
    stack.bank.control(webhooks="all", latency_ms=1000)
    with Shoppers(stack, judge, stack.sku(on_hand=1000)):
        for _ in range(3):
            _cancelled(stack, judge)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    wait_until(lambda: len(bag.came) == _entries(stack) - before, what="the bank to have told of all it did")
    a_day_passes(stack)
    events = [json.loads(body) for _, body in bag.came]
    return [{**event, "created": event["created"] - DAY} for event in events]


def _cancelled(stack: Stack, judge: Judge) -> None:
    """Place an order and cancel it while its card is charged, so that the money is captured and refunded."""
    client = stack.client()
    order = client.place(stack.sku())
    client.until(order.job_id, lambda job: job["steps"][1]["status"] == "begun")
    client.get("POST", f"/api/orders/{order.id}/cancel")
    judge.keep(client, order, CANCELLED)


def _entries(stack: Stack) -> int:
    return sum(entry["kind"] in ("capture", "refund") for entry in stack.bank.ledger()["entries"])


def _deliver(stack: Stack, event: Event, *, at: float) -> Answer:
    signed = signature(stack.settings.bank_webhook_secret, json.dumps(event), int(at))
    return request("POST", stack.url + HOOK, event, {"Bank-Signature": signed})


def _kept(stack: Stack) -> int:
    [row] = stack.shelf.rows("SELECT count(*) AS n FROM webhook_events WHERE handled_at IS NOT NULL")
    return int(row["n"])
