"""Two clocks, and none at a due time: a periodic task runs once, and no order waits for it (P5, P11)."""

from __future__ import annotations

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.extra_clocks import LATE, TICK, begun, carried_out, clocks, known, pokes
from tests.faults.world.pending_3ds import approve, held_too_long, hold
from tests.sandboxes import wait_until
from tests.stack import Stack

pytestmark = pytest.mark.slow

COUNT = 5
ALL_BACK = {"on_hand": 50, "reserved": 0, "available": 50}


def test_p5_p11_two_clocks_begin_every_slot_once_and_give_back_what_was_held_too_long(stack: Stack) -> None:
    judge, sku, client = Judge(stack), stack.sku(on_hand=50), stack.client()
    with clocks(stack, 2) as two, Shoppers(stack, judge, stack.sku(on_hand=1000), pause=1):
        orders = hold(judge, client, sku, COUNT)
        held_too_long(stack, orders)
        wait_until(lambda: min(map(pokes, two)) > 3, seconds=60, what="both clocks to poke")
        wait_until(lambda: client.stock(sku)["reserved"] == 0, seconds=TICK + LATE, what="the goods to be given back")
    judge.faults_are_over()
    approve(stack, orders)
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, **ALL_BACK}
    assert carried_out(stack) == [("succeeded", 1)] * len(begun(stack))


def test_p1_p11_without_a_clock_orders_end_and_workers_begin_what_is_due_once_each(stack: Stack) -> None:
    judge, sku, client = Judge(stack), stack.sku(on_hand=50), stack.client()
    with Shoppers(stack, judge, stack.sku(on_hand=1000), pause=1):
        wait_until(lambda: known(stack), seconds=TICK + LATE, what="the workers to know the clock's tasks")
        orders = hold(judge, client, sku, COUNT)
        held_too_long(stack, orders)
        wait_until(lambda: client.stock(sku)["reserved"] == 0, seconds=TICK + LATE, what="the goods to be given back")
    judge.faults_are_over()
    approve(stack, orders)
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, **ALL_BACK}
    assert carried_out(stack) == [("succeeded", 1)] * len(begun(stack))
