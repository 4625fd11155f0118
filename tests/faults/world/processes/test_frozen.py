"""Workers freeze and others take over; what the frozen ones write when they go on comes too late (P1, P3, P4)."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from engine.limits import LEASE
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.frozen_process import at_the_bank, charging, frozen
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.sandboxes import wait_until
from tests.stack import Stack

pytestmark = pytest.mark.slow

AGAIN = 60.0  # seconds: each thread that stands still with a lock in its hand has 5, and then the next gets it
TOKENS = ("tok_ok", "tok_declined", "tok_flaky")


def test_p3_p4_the_answer_of_a_frozen_worker_is_not_taken_while_another_asks(stack: Stack) -> None:
    """The other stands still as well while the first goes on: nobody else can have written what is seen then.

    And so does the bank while the other asks: it would answer a key that it knows at once.
    """
    judge, first, bank = Judge(stack), stack.workers["payments"], stack.handles["bank"]
    stack.bank.control(latency_ms=2000)
    with Shoppers(stack, judge, stack.sku(on_hand=1000), count=6), ExitStack() as thawing:
        wait_until(lambda: len(charging(stack)) >= 3, seconds=60, what="charges in hand")
        with frozen(first, stack):
            held = set(charging(stack))
            time.sleep(3)  # by then the bank has charged for what the first had asked
            bank.pause()
            thawing.callback(bank.resume)
            other = stack.start_worker(("payments",))
            wait_until(lambda: _taken_over(stack) & held, seconds=LEASE + 30, what="another to take over")
            thawing.enter_context(frozen(other, stack))
            before, taken = at_the_bank(stack), _taken_over(stack) & held
        time.sleep(LEASE / 3)  # the first reads the bank's answers, and would write them
        after = at_the_bank(stack)
    stack.bank.control(latency_ms=0)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert taken
    assert [after[order] for order in taken] == [before[order] for order in taken]
    assert {len(stack.bank.captures(order)) for order in held} == {1}


@pytest.mark.parametrize("crew", ["steps", "payments", "notifications"])
def test_p1_p3_whoever_freezes_for_longer_than_a_lease_under_load_doubles_nothing(stack: Stack, crew: str) -> None:
    judge, sku, client = Judge(stack), stack.sku(on_hand=1000), stack.client()
    with Shoppers(stack, judge, sku, tokens=TOKENS), judge.smtp_window():
        time.sleep(2)
        with frozen(stack.workers[crew], stack):
            time.sleep(1)
            stack.start_worker(_nouns(crew))
            is_soon_quick_again(client, sku, seconds=AGAIN)
            time.sleep(LEASE)
        time.sleep(2)
    judge.faults_are_over()
    judge.verdict().must_be_clean()


def _nouns(crew: str) -> tuple[str, ...]:
    return {"steps": ("stock", "orders", "maintenance"), "notifications": ("notifications", "accounts")}.get(
        crew, (crew,)
    )


def _taken_over(stack: Stack) -> set[str]:
    """Return the orders whose charge is being called for at least the second time."""
    return {order for order, one in charging(stack).items() if one.attempts > 1}
