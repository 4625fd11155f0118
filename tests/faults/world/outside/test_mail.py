"""The mail server is away, defers, refuses, or gives no answer after DATA (P4, P10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.proxied_stack import World
from tests.sandboxes import wait_until

pytestmark = pytest.mark.slow

Act = Callable[[World], object]


@dataclass(frozen=True)
class Storm:
    """A fault of the mail server. `window`: the answer to a mail that was taken may be lost, so that it comes again
    (P4)."""

    begin: Act
    end: Act = lambda w: w.stack.sink.control("accept")
    window: bool = True


def pass_again(world: World) -> None:
    world.smtp.mode("pass")


STORMS = {
    "451": Storm(lambda w: w.stack.sink.control("defer"), window=False),
    "lost-after-data": Storm(lambda w: w.stack.sink.control("drop_after_data"), window=False),
    "kept-after-data": Storm(lambda w: w.stack.sink.control("drop_after_data_stored")),
    "killed": Storm(lambda w: w.stack.sink.kill(), lambda w: w.stack.sink.start()),
    "refuses": Storm(lambda w: w.smtp.mode("refuse"), pass_again),
    "black-hole": Storm(lambda w: w.smtp.mode("swallow"), pass_again),
    "half-open": Storm(lambda w: w.smtp.mode("half_open"), pass_again),
}
SAMPLE: tuple[str, ...] = ()  # none until they have run in CI's company


@pytest.mark.parametrize("storm", [pytest.param(s, marks=[pytest.mark.sample] * (s in SAMPLE)) for s in STORMS])
def test_p10_everybody_is_told_when_the_mail_server_is_well_again(world: World, judge: Judge, storm: str) -> None:
    sku, client, weather = world.stack.sku(on_hand=1000), world.stack.client(), STORMS[storm]
    with Shoppers(world.stack, judge, sku), judge.smtp_window() if weather.window else nullcontext():
        time.sleep(1)
        weather.begin(world)
        time.sleep(4)
        weather.end(world)
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert not judge.told_again or weather.window
    assert judge.told_again or storm != "kept-after-data"  # the window was really open
    is_soon_quick_again(client, sku)


def test_p10_a_mail_that_is_refused_holds_up_no_order_and_is_written_down(world: World) -> None:
    stack = world.stack
    sku, client = stack.sku(on_hand=50), stack.client()
    sent = "SELECT id FROM notifications WHERE state = 'sent'"
    wait_until(lambda: stack.shelf.rows(sent), what="the account's own mail to be there")
    stack.sink.control("refuse")
    orders = [client.place(sku) for _ in range(10)]
    assert {client.finished(order.job_id)["status"] for order in orders} == {"succeeded"}
    stack.sink.control("accept")
    assert {len(stack.bank.captures(order.id)) for order in orders} == {1}
    assert [mail for order in orders for mail in stack.mails(order)] == []
    told = {
        str(row["subject_id"]): row["state"] for row in stack.shelf.rows("SELECT subject_id, state FROM notifications")
    }
    assert "refused" in {told[order.id] for order in orders} <= {"refused", "suppressed"}
    stack.doctor()
