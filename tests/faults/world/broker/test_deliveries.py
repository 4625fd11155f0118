"""Messages are doubled, lost and reordered, without harm: they only make a worker look at its runs (P1, P3, P4)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world import misrouted_queues
from tests.faults.world.message_proxy import Courier
from tests.stack import Stack
from tests.stack.fixtures import PAIRS, running

TOKENS = ("tok_ok", "tok_declined", "tok_flaky", "tok_charged_then_timeout")


@pytest.fixture(scope="module", params=PAIRS)
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(request, tmp_path_factory, EXTRA_TASK_MODULES=misrouted_queues.MODULE) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    "copies",
    [
        pytest.param((1,), id="shuffled"),
        pytest.param((2,), id="twice"),
        pytest.param((5,), id="five-times", marks=pytest.mark.sample),
        pytest.param((0, 1, 2), id="lost-or-twice"),
    ],
)
def test_p3_p4_every_message_is_delivered_as_a_bad_courier_likes(stack: Stack, copies: tuple[int, ...]) -> None:
    judge = Judge(stack)
    with Courier(stack, copies) as courier:
        with Shoppers(stack, judge, stack.sku(on_hand=1000), tokens=TOKENS):
            time.sleep(8)
        time.sleep(2)
        assert courier.taken > 20
        assert courier.strayed or copies == (1,)
        courier.mend_his_ways()
        judge.faults_are_over()
        judge.verdict().must_be_clean()
