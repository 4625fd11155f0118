"""Messages that no worker can carry out, and one that kills the worker that takes it: orders go past them (P1, P14)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from celery_app import DELIVERY_LIMIT, TASK_MODULES, noun_of
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.faults.world import worker_killer
from tests.faults.world.bad_messages import Letter, bad_letters, shapes, to_task
from tests.faults.world.dead_letters import parked
from tests.faults.world.latency_probe import is_soon_quick_again
from tests.faults.world.queues import put, waiting
from tests.sandboxes import wait_until
from tests.stack import Client, Stack
from tests.stack.fixtures import PAIRS, running

pytestmark = pytest.mark.slow

NOUNS = [noun_of(module) for module in TASK_MODULES]


@pytest.fixture(scope="module", params=PAIRS)
def stack_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(request, tmp_path_factory, EXTRA_TASK_MODULES=worker_killer.MODULE) as made:
        yield made


@pytest.mark.sample("embedded")
def test_a5_what_has_not_the_shape_of_a_task_kills_nobody_and_nothing_is_parked_with_it(stack: Stack) -> None:
    judge, letters = Judge(stack), shapes()
    sku, client, pids = stack.sku(on_hand=1000), stack.client(), _pids(stack)
    orders = [client.place(sku) for _ in range(5)]
    with Shoppers(stack, judge, sku):
        for letter in letters.values():
            put(stack, "stock", letter.body, letter.headers, **letter.properties)
        wait_until(lambda: len(_parked(stack, letters)) == len(letters), seconds=30, what="all of them to be parked")
    for order in orders:
        judge.keep(client, order)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert _pids(stack) == pids
    assert len(parked(stack)) == len(letters)
    is_soon_quick_again(client, sku)


@pytest.mark.sample("embedded")
def test_p1_p14_what_cannot_be_carried_out_is_told_of_once_and_holds_up_nobody(stack: Stack) -> None:
    judge, letters = Judge(stack), bad_letters()
    sku, client, pids = stack.sku(on_hand=1000), stack.client(), _pids(stack)
    with Shoppers(stack, judge, sku):
        for noun in NOUNS:
            for letter in letters.values():
                put(stack, noun, letter.body, letter.headers, **letter.properties)
        time.sleep(3)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
    assert _pids(stack) == pids
    _are_told_of(stack, letters)
    _nothing_comes_again(stack, client, sku, letters)


def test_p1_what_kills_its_worker_is_parked_when_it_has_done_so_often(stack: Stack) -> None:
    """The supervisor starts it again each time. What was in its hand beside the pill is only late."""
    judge, pill = Judge(stack), to_task(worker_killer.TASK, [])
    sku, client = stack.sku(on_hand=1000), stack.client()
    with Shoppers(stack, judge, sku):
        put(stack, worker_killer.NOUN, pill.body, pill.headers, **pill.properties)
        for _ in range(DELIVERY_LIMIT + 1):
            stack.worker.wait_until_dead(60)
            stack.worker.launch()
        wait_until(lambda: any(pill.mark in text for text in parked(stack)), seconds=30, what="the pill to be parked")
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    is_soon_quick_again(client, sku)
    assert stack.worker.alive
    assert waiting(stack, worker_killer.NOUN) == 0


def _pids(stack: Stack) -> list[int]:
    assert all(worker.alive for worker in stack.workers.values())
    return [worker.pid for worker in stack.workers.values()]


def _nothing_comes_again(stack: Stack, client: Client, sku: str, letters: dict[str, Letter]) -> None:
    """Check that no bad message is delivered again, not even after the workers that may have held it are killed."""
    for worker in stack.workers.values():
        worker.kill9()
    before = _said(stack)
    stack.heal()
    is_soon_quick_again(client, sku)
    assert {noun: waiting(stack, noun) for noun in NOUNS} == dict.fromkeys(NOUNS, 0)
    assert _named({worker: said.removeprefix(before[worker]) for worker, said in _said(stack).items()}, letters) == {}


def _are_told_of(stack: Stack, letters: dict[str, Letter]) -> None:
    """Check that every worker has logged every message, and that the dead letters have those that can be parked."""
    assert _named(_said(stack), letters) == {worker: set(letters) for worker in stack.workers}
    kept = _parked(stack, letters)
    found = {name: name in kept for name in letters}
    assert found == {name: letter.parked for name, letter in letters.items()}


def _parked(stack: Stack, letters: dict[str, Letter]) -> set[str]:
    kept = "\n".join(parked(stack))
    return {name for name, letter in letters.items() if letter.mark in kept}


def _said(stack: Stack) -> dict[str, str]:
    return {name: worker.log.read_text(errors="replace") for name, worker in stack.workers.items()}


def _named(said: dict[str, str], letters: dict[str, Letter]) -> dict[str, set[str]]:
    """Return the messages that each worker's log names."""
    named = {who: {name for name, letter in letters.items() if letter.mark in text} for who, text in said.items()}
    return {who: names for who, names in named.items() if names}
