"""A deploy on a bad day: a worker is asked to stop while the broker has fallen silent (P1)."""

from __future__ import annotations

import time

import pytest

from engine.limits import LONGEST_GOODBYE
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.proxied_stack import World

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["services"], indirect=True)]


def test_p1_a_worker_that_celery_cannot_end_ends_all_the_same(world: World, judge: Judge) -> None:
    worker = world.stack.workers["payments"]
    with Shoppers(world.stack, judge, world.stack.sku(on_hand=1000)):
        time.sleep(1)
        world.broker.mode("half_open")
        began = time.monotonic()
        worker.stop(seconds=LONGEST_GOODBYE + 10)
        assert time.monotonic() - began < LONGEST_GOODBYE + 5
        world.heal()
    judge.faults_are_over()
    judge.verdict().must_be_clean()
