"""PostgreSQL falls silent: its connections stay open, and no answer comes (P1, P3, P9)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from db.postgres_connection import SILENCE
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.proxied_stack import World
from tests.sandboxes import Answer
from tests.stack import Client
from tests.stack.client import order_of

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["services"], indirect=True)]

TOKENS = ("tok_ok", "tok_declined", "tok_flaky", "tok_charged_then_timeout")
LIMIT = 15.0  # seconds to an answer, whatever it is
MANY = 40  # requests at once: more than an API process has threads or connections


def test_p1_p9_a_black_hole_is_answered_with_503_and_what_was_accepted_is_kept(world: World, judge: Judge) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        time.sleep(2)
        world.database.mode("swallow")
        answers = _at_once(client, MANY)
        _are_soon_and_say(answers, {(503, "unavailable")})
        assert client.call("GET", "/readyz").status == 503
        time.sleep(5)
        world.database.mode("pass")
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def test_p1_p3_a_server_that_was_replaced_is_found_again_by_everybody(world: World, judge: Judge) -> None:
    """All lines lead nowhere; new ones are well. Sometimes the statement had arrived, and its answer is lost."""
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        for _ in range(3):
            time.sleep(2)
            world.database.mode("half_open")
            world.database.mode("pass")
            answers = _at_once(client, MANY)
            assert max(took for took, _ in answers) > SILENCE  # somebody was given a line that leads nowhere
            _are_soon_and_say(answers, {(503, "unavailable"), (200, ""), (409, "cart_empty")})
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def _at_once(client: Client, count: int) -> list[tuple[float, Answer]]:
    """Send `count` requests at once, half reads, half orders of an empty cart; return seconds and answer of each."""
    with ThreadPoolExecutor(count) as people:
        return list(people.map(lambda number: _ask(client, order=bool(number % 2)), range(count)))


def _ask(client: Client, *, order: bool) -> tuple[float, Answer]:
    began = time.monotonic()
    if order:
        answer = client.call("POST", "/api/orders", order_of("tok_ok"), Idempotency_Key=uuid4().hex)
    else:
        answer = client.call("GET", "/api/cart/me")
    return time.monotonic() - began, answer


def _are_soon_and_say(answers: Sequence[tuple[float, Answer]], what: set[tuple[int, str]]) -> None:
    assert {(answer.status, answer.body.get("code", "")) for _, answer in answers} <= what
    assert max(took for took, _ in answers) < LIMIT
