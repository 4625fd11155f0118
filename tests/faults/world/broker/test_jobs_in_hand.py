"""Workers lose their broker connection with tasks in hand: a pool that can kill them does, others let them end."""

from __future__ import annotations

import time

import pytest

from tests.faults.crashes.stand_ins import instead_of
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.proxied_stack import World
from tests.sandboxes import wait_until
from tests.stack import Handle

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["services"], indirect=True)]

LOST = "Connection to broker lost"
KILLED = "Terminating it instead"


def test_p1_threads_finish_what_they_have_in_hand(world: World, judge: Judge) -> None:
    """There is nothing that could be killed, and no traceback that says so for each of them."""
    said = _lose_the_line(world, judge, world.stack.workers["payments"])
    assert LOST in said
    assert KILLED not in said
    assert "NotImplementedError" not in said


def test_p1_p4_processes_are_killed_and_their_jobs_done_again(world: World, judge: Judge) -> None:
    """Otherwise they would run beside the same message, delivered again."""
    with instead_of(world.stack.workers["payments"], world.stack, "threads", "processes") as worker:
        said = _lose_the_line(world, judge, worker)
    assert KILLED in said


def _lose_the_line(world: World, judge: Judge, worker: Handle) -> str:
    """Reset the worker's broker connection three times under load, and return what it has logged since.

    Its calls take a while, but less than a wave waits for them.
    """
    stack, before = world.stack, worker.log.stat().st_size
    stack.bank.control(latency_ms=300)
    with Shoppers(stack, judge, stack.sku(on_hand=1000), pause=0.05):
        for _ in range(3):
            wait_until(lambda: _charging(world) >= 2, what="charges in hand")
            world.broker.mode("reset")
            world.broker.mode("pass")
            time.sleep(2)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    return worker.log.read_bytes()[before:].decode()


def _charging(world: World) -> int:
    charging = "SELECT count(*) AS n FROM runs WHERE task = 'payments.charge' AND hold = 'call'"
    return int(world.stack.shelf.rows(charging)[0]["n"])
