"""Workers die by kill -9 while customers order: all of them at once, in the middle of a wave, a child of a pool."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.crashes.cells import noun
from tests.faults.crashes.stand_ins import instead_of
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.sandboxes import wait_until
from tests.stack import Handle, Stack

IN_A_WAVE = [
    ("stock.reserve", "after_call"),
    ("payments.charge", "after_transaction"),
    ("payments.charge", "after_call"),
    ("orders.confirm", "after_record"),
    ("payments.refund", "after_record"),
    ("stock.release", "after_transaction"),
]
IN_A_POOL = [
    ("stock.reserve", "before_transaction"),
    ("payments.charge", "after_call"),
    ("orders.confirm", "after_call"),
]
PREFORK = "processes"  # -P prefork is what Celery takes for nothing said: the configured threads
TOKENS = ("tok_ok", "tok_ok", "tok_declined", "tok_flaky")


@pytest.mark.sample("services")
def test_p1_p3_all_workers_are_killed_twice_while_orders_come_in(stack: Stack) -> None:
    """Also those who mail, at a moment that nobody chose."""
    judge = Judge(stack)
    with Shoppers(stack, judge, _plenty(stack), count=3, tokens=TOKENS):
        for _ in range(2):
            time.sleep(2)
            with judge.smtp_window():
                for worker in stack.workers.values():
                    worker.kill9()
            time.sleep(1)
            for worker in stack.workers.values():
                worker.launch()
    judge.faults_are_over()
    judge.verdict().must_be_clean()


@pytest.mark.parametrize(("task", "point"), IN_A_WAVE, ids=str)
def test_p3_p4_a_worker_dies_in_the_middle_of_a_wave(stack: Stack, task: str, point: str) -> None:
    judge, worker = Judge(stack), stack.workers[noun(task)]
    tokens = ("tok_charged_then_timeout", "tok_ok") if task == "payments.charge" else TOKENS
    with Shoppers(stack, judge, _plenty(stack), count=6, pause=0.02, tokens=tokens):
        worker.kill9()
        time.sleep(1)  # what comes in meanwhile is what the waves are made of
        worker.launch(ORDERWAVE_CRASH=f"{task}:{point}")
        worker.wait_until_dead(60)
        worker.start()
    judge.faults_are_over()
    judge.verdict().must_be_clean()


@pytest.mark.parametrize(("task", "point"), IN_A_POOL, ids=str)
def test_p1_p3_p4_a_child_of_a_prefork_pool_dies(stack: Stack, task: str, point: str) -> None:
    judge, once = Judge(stack), stack.state_dir / f"died-{task}-{point}"
    armed = {"ORDERWAVE_CRASH": f"{task}:{point}", "ORDERWAVE_CRASH_ONCE": str(once)}
    worker = stack.workers[noun(task)]
    with instead_of(worker, stack, "threads", PREFORK, **armed) as pool:
        with Shoppers(stack, judge, _plenty(stack), count=3):
            wait_until(once.exists, seconds=60, what="a child to die")
        judge.faults_are_over()
        assert pool.alive
        judge.verdict().must_be_clean()


@pytest.mark.parametrize("stack_of_module", ["services"], indirect=True)
@pytest.mark.parametrize("name", ["stock", "payments"])
def test_p1_p3_p4_children_of_a_prefork_pool_are_killed_again_and_again(stack: Stack, name: str) -> None:
    """Idle ones too, so on RabbitMQ only: elsewhere billiard's children share a lock, which an idle one dies with."""
    judge, dice = Judge(stack), random.Random(7)
    with instead_of(stack.workers[name], stack, "threads", PREFORK) as pool:
        with Shoppers(stack, judge, _plenty(stack), count=4, pause=0.05, tokens=TOKENS):
            for _ in range(6):
                time.sleep(1)
                _kill_a_child(pool, dice)
        judge.faults_are_over()
        assert pool.alive
        judge.verdict().must_be_clean()


def _plenty(stack: Stack) -> str:
    return stack.sku(on_hand=100_000)


def _kill_a_child(pool: Handle, dice: random.Random) -> None:
    threads = Path(f"/proc/{pool.pid}/task").iterdir()  # each knows those that it has started
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    with suppress(ProcessLookupError):  # gone already, killed a moment ago
        os.kill(int(dice.choice(children)), signal.SIGKILL)
