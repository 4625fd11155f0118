"""The broker is down, silent or replaced while orders come in: 202 all the same, and every order ends (P1)."""

from __future__ import annotations

import time

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again, order_promptly
from tests.faults.world.proxied_stack import World
from tests.proxy import Mode

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world_of_module", ["services"], indirect=True)]


@pytest.mark.parametrize("mode", ["refuse", "reset", "swallow", "half_open"])
def test_p1_orders_are_accepted_at_once_and_end_when_the_broker_is_back(world: World, judge: Judge, mode: Mode) -> None:
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku):
        time.sleep(1)
        world.broker.mode(mode)
        order_promptly(client, judge, sku)
        time.sleep(5)
        world.broker.mode("pass")
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


def test_p1_a_broker_that_comes_and_goes_loses_nothing(world: World, judge: Judge) -> None:
    sku = world.stack.sku(on_hand=1000)
    with Shoppers(world.stack, judge, sku, tokens=("tok_ok", "tok_declined", "tok_flaky")):
        for _ in range(6):
            time.sleep(1.5)
            world.broker.mode("reset")
            time.sleep(0.5)
            world.broker.mode("pass")
    judge.faults_are_over()
    judge.verdict().must_be_clean()
