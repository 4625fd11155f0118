"""Two clocks, and none over a due time: house-keeping is done once, or late, and no order waits for it (P5, P11)."""

from __future__ import annotations

import time

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.clocks import TICK, clocks, slots
from tests.faults.world.held import approve, held_too_long, hold
from tests.stack import Stack
from tests.world import wait_until

pytestmark = pytest.mark.slow

COUNT = 5
ALL_BACK = {"on_hand": 50, "reserved": 0, "available": 50}
LATE = 30.0  # seconds a clock that starts has to catch up with what it missed: it does so as soon as it runs


def test_p5_p11_two_clocks_give_back_once_what_was_held_too_long(stack: Stack) -> None:
    judge, sku, client, struck = Judge(stack), stack.sku(on_hand=50), stack.client(), _worked_off(stack)
    with clocks(stack, 2) as two, Shoppers(stack, judge, stack.sku(on_hand=1000), pause=1):
        orders = hold(judge, client, sku, COUNT)
        held_too_long(stack, orders)
        wait_until(lambda: min(map(slots, two)) > 0, seconds=2 * TICK, what="both clocks to strike")
        wait_until(lambda: client.stock(sku)["reserved"] == 0, seconds=LATE, what="the goods to be given back")
    judge.faults_are_over()
    approve(stack, orders)
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, **ALL_BACK}
    assert _worked_off(stack) >= struck + 2


def test_p1_p11_without_a_clock_orders_end_and_what_was_due_is_done_when_one_is_back(stack: Stack) -> None:
    judge, sku, client = Judge(stack), stack.sku(on_hand=50), stack.client()
    with clocks(stack, 1) as [clock], Shoppers(stack, judge, stack.sku(on_hand=1000), pause=1):
        clock.kill9()
        orders = hold(judge, client, sku, COUNT)
        held_too_long(stack, orders)
        time.sleep(TICK + 5)
        assert slots(clock) == 0
        assert client.stock(sku)["reserved"] == COUNT  # late, as promised
        clock.launch()
        wait_until(lambda: client.stock(sku)["reserved"] == 0, seconds=LATE, what="the clock to catch up")
    judge.faults_are_over()
    approve(stack, orders)
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, **ALL_BACK}


def _worked_off(stack: Stack) -> int:
    """How often reservations were looked through, whoever called for it."""
    return stack.worker.log.read_text().count("Task maintenance.release_expired_reservations[") // 2
