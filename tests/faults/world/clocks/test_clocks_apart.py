"""Half of the workers' clocks are ten minutes ahead, half behind: only the database's clock counts (P2, P4, P11).

Only where there are several machines. On the embedded pair SQLite has no clock of its own, and there is only one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.faketime import is_wrong_by, wrong_by
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.stack import Client, Order, Stack
from tests.stack.fixtures import running

pytestmark = pytest.mark.slow

MINUTES = 600  # seconds: ten of them
SLOW = 6000  # ms: as long as a lease, which by the clock of a worker ahead would be over at once
DEADLINE = 60  # seconds that a card holder has: AUTHENTICATION_MINUTES below
EVERYTHING = ("stock", "orders", "payments", "notifications", "accounts")


@pytest.fixture(scope="module", params=["services"])
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(request, tmp_path_factory, AUTHENTICATION_MINUTES="1") as made:
        yield made


@pytest.fixture
def apart(stack: Stack) -> Iterator[Stack]:
    """A stack in which every queue is read by workers of both kinds; only the clocks of database and API are right."""
    ahead = list(stack.workers.values())
    for worker in ahead:
        worker.kill9()
        worker.start(**wrong_by(MINUTES))
    behind = stack.start_worker(EVERYTHING, wrong_by(-MINUTES))
    yield stack
    assert all(is_wrong_by(worker) > MINUTES - 120 for worker in ahead)
    assert is_wrong_by(behind) < 120 - MINUTES


def test_p4_p11_whoever_is_ahead_takes_no_call_out_of_anybodys_hands(apart: Stack) -> None:
    judge, sku, client = Judge(apart), apart.sku(on_hand=1000), apart.client()
    apart.bank.control(latency_ms=SLOW)
    with Shoppers(apart, judge, sku, count=6):
        time.sleep(15)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert _times_charged(apart) == {1}
    apart.bank.control(latency_ms=0)
    is_soon_quick_again(client, sku)


def test_p2_p11_pauses_and_deadlines_are_as_long_as_they_should_be(apart: Stack) -> None:
    judge, sku, client = Judge(apart), apart.sku(on_hand=1000), apart.client()
    forgotten = client.place(sku, token="tok_3ds")
    judge.keep(client, forgotten, ends=("failed:authentication_expired",))
    flaky = [client.place(sku, token="tok_flaky") for _ in range(5)]
    for order in flaky:
        judge.keep(client, order)
    with Shoppers(apart, judge, sku):
        time.sleep(5)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert DEADLINE - 1 <= _took(client, forgotten) <= DEADLINE + 30
    assert max(_took(client, order) for order in flaky) < 30


def _times_charged(stack: Stack) -> set[int]:
    """Return the numbers of attempts that charges of orders have taken, each once."""
    asked = "SELECT DISTINCT attempts FROM journal WHERE name = 'charge_payment' AND direction = 'do'"
    return {int(row["attempts"]) for row in stack.shelf.rows(asked)}


def _took(client: Client, order: Order) -> float:
    job = client.job(order.job_id)
    began, ended = (datetime.fromisoformat(job[name]) for name in ("created_at", "finished_at"))
    return (ended - began).total_seconds()
