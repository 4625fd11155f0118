"""Forgetting runs that ended long ago."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

import db
from engine import State, prune
from engine.outcomes import Refused, TryAgain
from engine.prune import prune_finished
from engine.tables import FailedAttemptRow, JournalRow, RunRow
from tests.engine.driver import Driver, Message
from tests.engine.parcels import script

DAY = 86400.0


def count(table: type, id: str | None = None) -> int:
    query = select(func.count()).select_from(table)
    if id:
        query = query.where(table.run_id == id)  # type: ignore[attr-defined]
    with db.reading() as session:
        return session.scalar(query) or 0


def test_ended_runs_are_forgotten_with_all_they_wrote(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed"))
    script.say("hand_over", "p2", Refused("no_van"))
    ids = driver.start_wave("p1", "p2")
    driver.finish(*ids)
    assert [driver.status(id) for id in ids] == [State.SUCCEEDED, State.FAILED]
    assert count(FailedAttemptRow) == 2
    driver.pass_time(31 * DAY)
    assert prune_finished(30) == 2
    assert [count(table) for table in (RunRow, JournalRow, FailedAttemptRow)] == [0, 0, 0]


def test_those_that_ended_lately_stay(driver: Driver) -> None:
    old = driver.start("p1")
    driver.drain()
    driver.pass_time(29 * DAY)
    new = driver.start("p2")
    driver.drain()
    assert prune_finished(30) == 0
    driver.pass_time(2 * DAY)
    assert prune_finished(30) == 1
    assert count(JournalRow, old) == 0
    assert count(JournalRow, new) == 4
    assert driver.status(new) == State.SUCCEEDED


def test_a_run_that_is_not_ended_stays_however_old(driver: Driver) -> None:
    script.always("tell", "p2", Refused("no_mailbox"))
    queued, helpless = driver.start_wave("p1", "p2")
    for task in ("pack", "label", "hand_over", "tell"):
        driver.deliver(message(task, helpless))
    assert driver.status(helpless) == State.NEEDS_ATTENTION
    driver.pass_time(1000 * DAY)
    assert prune_finished(30) == 0
    assert [driver.status(id) for id in (queued, helpless)] == [State.QUEUED, State.NEEDS_ATTENTION]
    assert count(JournalRow, helpless) == 4


def message(task: str, id: str) -> Message:
    return Message((f"parcels.{task}",), (id,))


def test_it_goes_in_batches(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 3)
    driver.start_wave(*[f"p{n}" for n in range(10)])
    driver.drain()
    driver.pass_time(31 * DAY)
    assert driver.ask(prune._batch, 30) == 3
    assert count(RunRow) == 7
    assert prune_finished(30) == 7
    assert count(RunRow) == 0


def test_the_key_of_a_forgotten_run_may_be_used_again(driver: Driver) -> None:
    first = driver.start("p1")
    driver.drain()
    driver.pass_time(31 * DAY)
    prune_finished(30)
    assert driver.start("p1") != first
