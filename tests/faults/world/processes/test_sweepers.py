"""Nine processes sweep at once, three workers and six sweepers: every overdue run is sent again, once (P1, P3)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest

from engine.dispatch import LONGEST
from engine.limits import LEASE, PATIENCE
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world import misrouted_queues, sweep_recorder
from tests.faults.world.message_dropper import Thief
from tests.faults.world.message_proxy import Courier
from tests.faults.world.queues import waiting, wipe
from tests.faults.world.sweep_recorder import Sent, noted
from tests.faults.world.sweepers import Sweepers
from tests.sandboxes import wait_until
from tests.stack import Stack
from tests.stack.fixtures import PAIRS, running

MODULES = f"{misrouted_queues.MODULE},{sweep_recorder.MODULE}"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=PAIRS)
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(request, tmp_path_factory, EXTRA_TASK_MODULES=MODULES) as made:
        yield made


@pytest.fixture
def begun(stack: Stack) -> float:
    """The time at which the test begins; sweeps before it do not count."""
    return time.time()


def test_p1_p3_six_sweep_at_once_while_every_other_order_is_lost_on_its_way(stack: Stack, begun: float) -> None:
    judge = Judge(stack)
    with Thief(stack, "stock.reserve") as thief:
        with Sweepers(stack):
            with Shoppers(stack, judge, stack.sku(on_hand=10_000), count=4):
                wait_until(lambda: len(thief.stolen) > 40, seconds=90, what="enough to be stolen")
            time.sleep(PATIENCE)
        thief.mend_his_ways()
        judge.faults_are_over()
        judge.verdict().must_be_clean()
    sent = _swept(stack, begun)
    again = _first_steps(sent)
    assert thief.stolen.keys() <= set(again)
    assert len(again) <= 1.2 * thief.stolen.total()
    _never_twice_within_a_period(sent)


def test_p1_p3_six_sweep_at_once_when_the_broker_has_forgotten_everything(stack: Stack, begun: float) -> None:
    """All are overdue in the same moment. Nobody brings the messages to the workers until they are gone."""
    judge = Judge(stack)
    with Shoppers(stack, judge, stack.sku(on_hand=10_000), count=8, pause=0.02):
        wait_until(lambda: len(judge) > 60, seconds=90, what="enough to be under way")
    time.sleep(LONGEST + 1)  # nobody's flusher gathers any longer
    assert wipe(stack, "stock") > 0
    assert waiting(stack, "stock") == 0
    with Sweepers(stack), Courier(stack, copies=(1,)):
        judge.faults_are_over()
        judge.verdict().must_be_clean()
    sent = _swept(stack, begun)
    assert len(judge) <= len(_first_steps(sent)) <= 1.2 * len(judge)
    _never_twice_within_a_period(sent)


def test_p1_p4_six_sweep_at_once_when_a_worker_dies_with_calls_in_hand(stack: Stack, begun: float) -> None:
    judge, worker = Judge(stack), stack.workers["payments"]
    stack.bank.control(latency_ms=1500)
    with Sweepers(stack), Courier(stack, copies=(1,)):
        with Shoppers(stack, judge, stack.sku(on_hand=10_000), count=4):
            wait_until(lambda: len(_charging(stack)) >= 3, what="charges in the worker's hands")
            worker.kill9()
            held = _charging(stack)
            worker.start()
            stack.bank.control(latency_ms=0)
            time.sleep(LEASE)
        judge.faults_are_over()
        judge.verdict().must_be_clean()
    sent = _swept(stack, begun)
    assert held
    assert held <= {one.run for one in sent}
    _never_twice_within_a_period(sent)


def _charging(stack: Stack) -> set[str]:
    charging = "SELECT id FROM runs WHERE task = 'payments.charge' AND hold = 'call'"
    return {str(row["id"]) for row in stack.shelf.rows(charging)}


def _swept(stack: Stack, since: float) -> list[Sent]:
    return [one for one in noted(stack.state_dir) if one.at > since]


def _first_steps(sent: list[Sent]) -> list[str]:
    """Return the runs that were sent before their first step, as often as they were sent."""
    return [one.run for one in sent if (one.step, one.direction) == (0, "do")]


def _never_twice_within_a_period(sent: list[Sent]) -> None:
    """Check that no run was sent again before PATIENCE was over, however many processes sweep."""
    times: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for one in sent:
        times[one.run, one.step, one.direction].append(one.at)
    hasty = {place: at for place, at in times.items() if any(b - a < PATIENCE / 2 for a, b in pairwise(at))}
    assert not hasty
