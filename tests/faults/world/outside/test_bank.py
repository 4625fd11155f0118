"""The bank fails, drops, is slow, is away (P2, P4, P5, P7, P8)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world import passing_time
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.proxied_stack import World
from tests.stack import Client, Order
from tests.stack.client import FINAL

pytestmark = pytest.mark.slow

TOKENS = ("tok_ok", "tok_declined", "tok_flaky", "tok_charged_then_timeout")
SLOW = 20_000  # ms: twice the timeout of a call

Weather = Callable[[World], object]

STORMS: dict[str, tuple[Weather, Weather]] = {
    "answers-503": (lambda w: w.stack.bank.control(fail=30), lambda w: w.stack.bank.control(fail=0)),
    "charges-and-drops": (lambda w: w.stack.bank.control(drop=30), lambda w: w.stack.bank.control(drop=0)),
    "killed": (lambda w: w.stack.bank.kill(), lambda w: w.stack.bank.start()),
    "refuses": (lambda w: w.bank.mode("refuse"), lambda w: w.bank.mode("pass")),
    "resets": (lambda w: w.bank.mode("reset"), lambda w: w.bank.mode("pass")),
    "black-hole": (lambda w: w.bank.mode("swallow"), lambda w: w.bank.mode("pass")),
    "half-open": (lambda w: w.bank.mode("half_open"), lambda w: w.bank.mode("pass")),
}
SAMPLE = ("killed",)


@pytest.mark.parametrize("storm", [pytest.param(s, marks=[pytest.mark.sample] * (s in SAMPLE)) for s in STORMS])
def test_p4_p7_orders_outlast_a_bank_that_is_unwell(world: World, judge: Judge, storm: str) -> None:
    begins, ends = STORMS[storm]
    sku, client = world.stack.sku(on_hand=1000), world.stack.client()
    with Shoppers(world.stack, judge, sku, tokens=TOKENS):
        time.sleep(1)
        begins(world)
        time.sleep(4)
        ends(world)
        time.sleep(1)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


AWAY: dict[str, tuple[Weather, Weather]] = {
    "answers-503": (lambda w: w.stack.bank.control(fail=120_000), lambda w: w.stack.bank.control(fail=0)),
    "refuses": STORMS["refuses"],
    "silent": (lambda w: w.stack.bank.control(silent=True), lambda w: w.stack.bank.control(silent=False)),
    "rotated-key": (lambda w: w.stack.bank.control(answer=401), lambda w: w.stack.bank.control(answer=0)),
    "too-many-calls": (lambda w: w.stack.bank.control(answer=429), lambda w: w.stack.bank.control(answer=0)),
}
AWAY_FOR = 120.0  # seconds
BACK_WITHIN = 30.0


@pytest.mark.parametrize(
    ("weather", "seconds"),
    [pytest.param("answers-503", 20.0, marks=pytest.mark.sample, id="a-moment"), *[(one, AWAY_FOR) for one in AWAY]],
)
def test_p15_a_bank_that_is_away_for_a_while_ends_nothing(
    world: World, judge: Judge, weather: str, seconds: float
) -> None:
    """Nobody fails for it, shoppers are told, and each order ends within half a minute of the bank's return."""
    begins, ends = AWAY[weather]
    stack = world.stack
    sku, client = stack.sku(on_hand=5000), stack.client()
    with Shoppers(stack, judge, sku):
        time.sleep(1)
        begins(world)
        until = time.monotonic() + seconds
        waiting = client.place(sku)
        judge.keep(client, waiting)
        _reads_whom_it_waits_for(client, waiting)
        time.sleep(max(0.0, until - time.monotonic()))
        ends(world)
        back = time.monotonic()
    judge.faults_are_over()
    time.sleep(max(0.0, back + BACK_WITHIN - time.monotonic()))
    assert stack.shelf.rows(OPEN) == []
    assert stack.shelf.rows("SELECT order_id FROM reservations WHERE state = 'expired'") == []
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)


OPEN = "SELECT id FROM runs WHERE workflow = 'place_order' AND state NOT IN ('succeeded', 'failed')"


def _reads_whom_it_waits_for(client: Client, order: Order) -> None:
    client.until(order.job_id, lambda job: bool(job["waiting_for"]), seconds=20)
    moments = client.get("GET", f"/api/orders/{order.id}/timeline")["items"]
    assert "waiting for the payment provider" in [moment.get("detail") for moment in moments]


def test_p5_p8_p15_a_bank_that_never_gets_well_ends_the_orders_when_their_own_time_is_over(
    world: World, judge: Judge
) -> None:
    """Two hours of it: every moment in the tables is made ten minutes older, twelve times. Whose last try falls into
    such a leap finds its goods gone, and is not charged either."""
    stack = world.stack
    sku, client = stack.sku(on_hand=50), stack.client()
    stack.bank.control(fail=1_000_000)
    for _ in range(10):
        order = client.place(sku)
        judge.keep(client, order, ends=("failed:provider_busy", "failed:reservation_expired"))
    _reads_whom_it_waits_for(client, order)
    for _ in range(2):
        passing_time.pass_time(stack.shelf, 600)
        time.sleep(3)
    assert len(stack.shelf.rows(OPEN)) == 10, "their goods are theirs for half an hour"
    for _ in range(10):
        passing_time.pass_time(stack.shelf, 600)
        time.sleep(3)
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, "on_hand": 50, "reserved": 0, "available": 50}


def test_a_slow_answer_holds_up_nobody_else(world: World, judge: Judge) -> None:
    stack = world.stack
    sku, client = stack.sku(on_hand=1000), stack.client()
    stack.bank.control(latency_ms=SLOW)
    slow = [client.place(sku) for _ in range(6)]
    for order in slow:
        judge.keep(client, order)
        _until_asked(client, order)
    stack.bank.control(latency_ms=0)
    with Shoppers(stack, judge, sku):
        is_soon_quick_again(client, sku, seconds=8)
        assert {client.job(order.job_id)["status"] for order in slow}.isdisjoint(FINAL)
    judge.faults_are_over()
    judge.verdict().must_be_clean()


def test_p8_refused_refunds_call_a_person_who_finishes_them(world: World, judge: Judge) -> None:
    stack = world.stack
    sku, client, staff = stack.sku(on_hand=50), stack.client(), stack.client(role="staff")
    stack.bank.control(refuse_refunds=True, latency_ms=1500)
    orders = [client.place(sku) for _ in range(5)]
    for order in orders:
        _until_asked(client, order)
        client.get("POST", f"/api/orders/{order.id}/cancel")
    stack.bank.control(latency_ms=0)
    for order in orders:
        job = client.finished(order.job_id, seconds=60)
        assert (job["status"], job["error"]["code"]) == ("needs_attention", "refund_refused")
        assert stack.bank.refunds(order.id) == []

    stack.bank.control(refuse_refunds=False)
    for order in orders:
        staff.get("POST", f"/api/jobs/{order.job_id}/retry", {})
        assert client.finished(order.job_id)["status"] == "failed"
        judge.keep(client, order, ends=("failed:cancelled",))
    judge.verdict().must_be_clean()
    assert client.stock(sku) == {"sku": sku, "on_hand": 50, "reserved": 0, "available": 50}


def _until_asked(client: Client, order: Order) -> None:
    """Wait until the order's charge has begun."""
    client.until(order.job_id, lambda job: job["steps"][1]["status"] == "begun")
