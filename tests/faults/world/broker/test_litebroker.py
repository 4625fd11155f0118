"""The embedded broker's file is locked, or taken away: 202 all the same, and every order ends (P1)."""

from __future__ import annotations

import time

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.soak.locks import Lock
from tests.faults.world.latency_probe import is_soon_quick_again, order_promptly
from tests.faults.world.proxied_stack import World

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["embedded"], indirect=True)]


@pytest.mark.parametrize(
    "seconds", [pytest.param(3, marks=pytest.mark.sample), 15], ids=["shorter", "longer-than-patience"]
)
def test_p1_the_file_is_locked_while_orders_come_in(world: World, judge: Judge, seconds: float) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    lock = Lock(world.stack.state_dir / "broker.db")
    with Shoppers(world.stack, judge, sku):
        time.sleep(1)
        lock.take()
        order_promptly(client, judge, sku)
        time.sleep(seconds)
        lock.give_back()
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def test_p1_the_file_is_deleted_and_every_process_starts_a_new_one(world: World, judge: Judge) -> None:
    """Whatever was queued is gone with it: the database knows what is true."""
    stack = world.stack
    sku, client = stack.sku(on_hand=1000), stack.client()
    with Shoppers(stack, judge, sku):
        time.sleep(1)
        for file in stack.state_dir.glob("broker.db*"):
            if file.is_file():
                file.unlink()
        order_promptly(client, judge, sku)
        stack.worker.kill9()
        stack.worker.start()
        time.sleep(2)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
