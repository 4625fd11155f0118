"""Webhooks come before the answer, twice, newest first, too late: only a reason to ask the bank (P2, P4, P7)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.world.prompt_3ds import CardHolders
from tests.faults.world.proxied_stack import World, make
from tests.faults.world.webhook_proxy import Habit, Postman
from tests.sandbox.receiver import Receiver
from tests.services.session import Services
from tests.stack.fixtures import PAIRS

pytestmark = pytest.mark.slow

DEADLINE = 60  # seconds that a card holder has, see AUTHENTICATION_MINUTES below
HABITS = {
    "at-once": Habit(),
    "twice": Habit(copies=2),
    "newest-first": Habit(keeps=2),
    "five-times-newest-first": Habit(keeps=2, copies=5),
}


@pytest.fixture(scope="module", params=PAIRS)
def world_of_module(
    request: pytest.FixtureRequest, bag: Receiver, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    more = {"PUBLIC_URL": bag.url.removesuffix("/hooks"), "AUTHENTICATION_MINUTES": "1"}
    with make(request.param, tmp_path_factory.mktemp("world"), services, "webhooks", **more) as made:  # type: ignore[arg-type]
        yield made


@pytest.mark.parametrize("everything", [False, True], ids=["3ds-only", "all-events"])
@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
def test_p4_p7_whatever_the_postman_does(
    world: World, judge: Judge, bag: Receiver, habit: Habit, everything: bool
) -> None:
    _hold(world, judge, bag, habit, everything=everything)
    judge.verdict().must_be_clean()


def test_p4_the_webhook_is_quicker_than_the_answer(world: World, judge: Judge, bag: Receiver) -> None:
    world.bank.mode("pass", delay=0.7)
    _hold(world, judge, bag, Habit(copies=2), everything=True)
    judge.verdict().must_be_clean()


def test_p2_a_webhook_that_comes_too_late_was_not_needed(world: World, judge: Judge, bag: Receiver) -> None:
    with Postman(world.stack, bag, Habit(keeps=2 * DEADLINE)) as postman:
        with CardHolders(world.stack, judge, world.stack.sku(on_hand=1000)):
            time.sleep(3)
        judge.faults_are_over()
        tally = judge.verdict(seconds=DEADLINE + 30)
        assert postman.delivered == []
    tally.must_be_clean()
    assert tally.recovered == len(judge)
    assert postman.delivered
    assert not postman.turned_away
    judge.verdict(seconds=5).must_be_clean()


def _hold(world: World, judge: Judge, bag: Receiver, habit: Habit, *, everything: bool) -> None:
    world.stack.bank.control(webhooks="all" if everything else "asynchronous")
    with Postman(world.stack, bag, habit) as postman:
        with CardHolders(world.stack, judge, world.stack.sku(on_hand=1000)):
            time.sleep(5)
        time.sleep(habit.keeps + 1)
    judge.faults_are_over()
    assert not postman.turned_away
    assert len(postman.delivered) >= len(judge) * habit.copies
