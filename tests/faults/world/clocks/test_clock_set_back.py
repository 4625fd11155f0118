"""The clock of a copy goes back ten minutes under load, then a worker is away: every order ends (P1, P2, P4, P11).

On the embedded pair the database's clock goes back with it. PostgreSQL's stays right: there the workers, beat and the
API are ten minutes behind it from then on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.extra_clocks import LATE, TICK, carried_out, clocks, known
from tests.faults.world.faketime import NOTICED, Clock, is_wrong_by
from tests.faults.world.frozen_process import at_the_bank, frozen
from tests.sandboxes import wait_until
from tests.stack import Client, Handle, Order, Stack
from tests.stack.fixtures import PAIRS, running

pytestmark = pytest.mark.slow

BACK = -600
AWAY = 150.0  # seconds: what is sent 20 times in vain meanwhile was once given up, undos of money too
COUNT = 5
PATIENCE = 300.0  # seconds: whose message waited at the frozen one's has waited long


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module", params=PAIRS)
def stack_of_module(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> Iterator[Stack]:
    clock.set(0)
    with running(request, tmp_path_factory, **clock.environment) as made:
        yield made


def test_p1_p2_p4_p11_a_clock_that_is_set_back_ends_nothing_and_silences_nothing(stack: Stack, clock: Clock) -> None:
    judge, sku, client = Judge(stack), stack.sku(on_hand=10_000), stack.client()
    with clocks(stack, 1), Shoppers(stack, judge, sku, pause=1):
        wait_until(lambda: known(stack), seconds=TICK + LATE, what="the clock to know its tasks")
        with _standing_still(stack.handles["bank"]):
            orders = _being_charged(stack, client, sku)
            clock.set(BACK)
            _turn_back(judge, client, orders)
            time.sleep(NOTICED)
        _the_schedule_goes_on_while_one_is_away(stack)
    judge.faults_are_over()
    judge.verdict(PATIENCE).must_be_clean()
    assert [len(stack.bank.captures(order.id)) - len(stack.bank.refunds(order.id)) for order in orders] == [0] * COUNT
    assert is_wrong_by(stack.workers["payments"]) < BACK / 2


@contextmanager
def _standing_still(bank: Handle) -> Iterator[None]:
    """Pause the bank during a block, so that orders can be cancelled, and the clock set, before it answers."""
    bank.pause()
    try:
        yield
    finally:
        bank.resume()


def _being_charged(stack: Stack, client: Client, sku: str) -> list[Order]:
    orders = [client.place(sku) for _ in range(COUNT)]
    wait_until(lambda: {order.id for order in orders} <= set(at_the_bank(stack)), seconds=60, what="all to be charged")
    return orders


def _turn_back(judge: Judge, client: Client, orders: list[Order]) -> None:
    """Cancel the jobs of these orders while they are charged, so that the charges must be reversed."""
    for order in orders:
        answer = client.call("POST", f"/api/jobs/{order.job_id}/cancel", Idempotency_Key=uuid4().hex)
        assert answer.status == 202, answer
        judge.keep(client, order, ends=("failed",))


def _the_schedule_goes_on_while_one_is_away(stack: Stack) -> None:
    """Check that slots begin while a worker is away; beat alone would be silent until its clock has caught up."""
    already, since = len(carried_out(stack)), time.monotonic()
    with frozen(stack.workers["payments"], stack):
        wait_until(lambda: len(carried_out(stack)) > already, seconds=TICK + LATE, what="the next slot to begin")
        wait_until(lambda: len(carried_out(stack)) > already + 1, seconds=TICK + LATE, what="the slot after it")
        time.sleep(max(0.0, since + AWAY - time.monotonic()))
    assert set(carried_out(stack)) == {("succeeded", 1)}
