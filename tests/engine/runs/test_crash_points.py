"""A worker that dies at a named point leaves exactly what that point implies, and the run ends well all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kombu import Connection

import litebroker  # noqa: F401 - for the URL's scheme
from engine import State
from engine.crash import POINTS
from tests.engine.driver import Driver
from tests.engine.parcels import script
from tests.sandboxes import ROOT

QUEUE = "orderwave-test.parcels"
GOOD = ["pack", "label", "hand_over", "tell"]


class Workplace:
    """Where workers die: a broker and a carrier's ledger of their own, the test's database."""

    def __init__(self, folder: Path) -> None:
        self.broker = f"litebroker:///{folder}/broker.db"
        self.ledger = folder / "ledger"
        self.ledger.touch()

    def work(self, task: str, orders: list[tuple[str, str]], **environment: str) -> dict[str, str]:
        """How the worker of each run ended."""
        own = {"BROKER_URL": self.broker, "EXTRA_TASK_MODULES": "tests.engine.parcels", **environment}
        done = subprocess.run(
            [sys.executable, "-m", "tests.engine.dying", task, str(self.ledger)],
            cwd=ROOT,
            env=os.environ | own,
            input="".join(f"{point} {id}\n" for point, id in orders),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return dict(line.split() for line in done.stdout.splitlines())

    def keys(self) -> list[str]:
        """What the carrier was asked to do."""
        return self.ledger.read_text().split()

    def tails(self) -> list[tuple[str, str]]:
        """(task, id) of every message that left."""
        found = []
        with Connection(self.broker) as connection, connection.channel() as channel:
            while message := channel.basic_get(QUEUE, no_ack=True):
                found.append((message.headers["task"], message.decode()[0][0][0]))
        return found


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def stands(driver: Driver, id: str) -> tuple[int, str, list[str]]:
    row = driver.row(id)
    return row.step, row.hold, driver.effects(id)


def test_a_local_step_dies_at_each_point(driver: Driver, workplace: Workplace) -> None:
    runs = {point: driver.start(point) for point in POINTS}
    driver.lose_all()
    ends = workplace.work("parcels.pack", list(runs.items()))
    assert ends == dict.fromkeys(runs.values(), "SIGKILL")

    nothing, committed = (0, "none", []), (1, "none", ["pack"])
    assert {point: stands(driver, id) for point, id in runs.items()} == {
        "before_transaction": nothing,
        "after_call": nothing,
        "after_transaction": committed,
        "after_record": committed,
        "after_publish": committed,
    }
    assert [driver.journal(runs[point]) for point in ("before_transaction", "after_call")] == [[], []]
    assert workplace.tails() == [("parcels.label", runs["after_publish"])]
    driver.finish(*runs.values())
    assert {tuple(driver.effects(id)) for id in runs.values()} == {tuple(GOOD)}


def test_a_remote_step_dies_at_each_point(driver: Driver, workplace: Workplace) -> None:
    runs = {point: driver.start(point) for point in POINTS}
    for _ in POINTS:
        driver.deliver()
    driver.lose_all()
    ends = workplace.work("parcels.label", list(runs.items()))
    assert ends == dict.fromkeys(runs.values(), "SIGKILL")

    intent, recorded = (1, "call", ["pack"]), (2, "none", ["pack", "label"])
    assert {point: stands(driver, id) for point, id in runs.items()} == {
        "before_transaction": (1, "none", ["pack"]),
        "after_transaction": intent,
        "after_call": intent,
        "after_record": recorded,
        "after_publish": recorded,
    }
    called = [runs[point] for point in ("after_call", "after_record", "after_publish")]
    assert sorted(workplace.keys()) == sorted(f"{id}:label" for id in called)
    assert driver.journal(runs["after_transaction"])[1] == ("label", "do", "begun", 1)
    assert workplace.tails() == [("parcels.hand_over", runs["after_publish"])]

    driver.finish(*runs.values())
    assert {tuple(driver.effects(id)) for id in runs.values()} == {tuple(GOOD)}
    asked_again = [id for id in runs.values() if script.keys("label", driver.job(id).subject["id"])]
    assert asked_again == [runs[point] for point in ("before_transaction", "after_transaction", "after_call")]
    assert script.keys("label", "after_call") == [f"{runs['after_call']}:label"]  # the very key the carrier knows


def test_armed_to_die_once_the_second_worker_lives(driver: Driver, workplace: Workplace, tmp_path: Path) -> None:
    first, second = driver.start("p1"), driver.start("p2")
    once = tmp_path / "died"
    orders = [("after_transaction", first), ("after_transaction", second)]
    ends = workplace.work("parcels.pack", orders, ORDERWAVE_CRASH_ONCE=str(once))
    assert ends == {first: "SIGKILL", second: "lived"}
    assert once.exists()
    assert workplace.tails() == [("parcels.label", second)]


def test_armed_for_another_task_it_lives(driver: Driver, workplace: Workplace) -> None:
    id = driver.start()
    assert workplace.work("parcels.pack", [("at_lunch", id)]) == {id: "lived"}
    assert driver.effects(id) == ["pack"]
    assert driver.status(id) == State.RUNNING
