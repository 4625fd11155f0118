"""Poke it as often as you like: a slot begins once, by the database's clock, and what was missed is made up (P11)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text, update

import db
from beat_schedule import SCHEDULE, Every
from engine import NotPossible, clock, plans, slots
from engine.slots import SlotRow, SlotState
from engine.tables import RunRow
from tasks.clock import periodic_tasks
from tests.api.drive import drive
from tests.fixtures import Database
from workflows import run_periodic_task

TASK, HOUR = "release_expired_reservations", 3600


@pytest.fixture(autouse=True)
def _one_task(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of once a year, as it were: its slots come when a test wants them, not while it runs."""
    for name in set(SCHEDULE) - {TASK}:
        monkeypatch.delitem(SCHEDULE, name)
    monkeypatch.setitem(SCHEDULE, TASK, Every(365 * 24 * HOUR))
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the task did, in words."""
    said: list[str] = []
    monkeypatch.setitem(periodic_tasks, TASK, lambda: said.append("done"))
    return said


def poke() -> int:
    return clock.poke(run_periodic_task)


def missed(count: int) -> datetime:
    """The clock saw this task last so many slots ago. Returns the newest slot."""
    poke()
    with db.transaction() as session:
        [newest] = session.scalars(select(SlotRow.slot)).all()
        session.execute(update(SlotRow).values(slot=newest - timedelta(days=365 * count)))
    return newest


def one_slot_passes() -> None:
    with db.transaction() as session:
        session.execute(text("DELETE FROM periodic_slots WHERE state = 'noted'"))
        [begun] = session.scalars(select(SlotRow.slot)).all()
        session.execute(update(SlotRow).values(slot=begun - timedelta(days=365)))
        session.execute(update(RunRow).values(key="of the slot before"))


def rows() -> list[tuple[datetime, str]]:
    """Those that began."""
    with db.reading() as session:
        found = session.execute(select(SlotRow.slot, SlotRow.state).order_by(SlotRow.slot)).all()
    return [(slot, state) for slot, state in found if state != SlotState.NOTED]


def runs() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(RunRow.id).order_by(RunRow.created_at)))


def test_a_task_that_is_new_begins_with_its_next_slot(done: list[str]) -> None:
    assert [poke(), poke()] == [0, 0]
    assert (rows(), runs(), done) == ([], [], [])


def test_of_slots_that_were_missed_the_newest_is_run_once(done: list[str]) -> None:
    slot = missed(3)
    assert [poke(), poke(), poke()] == [1, 0, 0]
    [run] = runs()
    assert rows() == [(slot, SlotState.BEGUN)]
    assert drive(run) == "succeeded"
    assert (rows(), done) == ([(slot, SlotState.DONE)], ["done"])
    assert (poke(), runs()) == (0, [run])


def test_two_beats_at_the_same_moment_begin_a_slot_once(done: list[str]) -> None:
    for _ in range(5):
        missed(1)
        barrier = Barrier(4)

        def beat() -> int:
            barrier.wait()  # noqa: B023 - joined below
            return poke()

        with ThreadPoolExecutor(4) as beats:
            assert sorted(one.result() for one in [beats.submit(beat) for _ in range(4)]) == [0, 0, 0, 1]
        [run] = runs()
        assert drive(run) == "succeeded"
        assert done == ["done"]
        done.clear()
        with db.transaction() as session:
            session.execute(text("DELETE FROM periodic_slots"))
            session.execute(text("DELETE FROM runs"))


def test_a_slow_task_is_not_overtaken_by_its_next_slot(done: list[str]) -> None:
    missed(1)
    poke()
    [run] = runs()
    one_slot_passes()
    assert (poke(), runs()) == (0, [run])
    assert drive(run) == "succeeded"
    assert (poke(), len(runs())) == (1, 2)


def test_a_task_that_breaks_is_tried_again_and_then_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise ValueError("no such thing")

    monkeypatch.setitem(periodic_tasks, TASK, breaks)
    slot = missed(1)
    poke()
    [run] = runs()
    for _ in range(8):
        assert drive(run) != "succeeded"
        with db.transaction() as session:
            session.execute(update(RunRow).where(RunRow.hold == "backoff").values(hold="none"))
    assert drive(run) == "failed"
    assert rows() == [(slot, SlotState.FAILED)]
    with db.reading() as session:
        last = slots.last(session)[TASK]
    assert (last.error or {})["code"] == "internal_error"
    assert "ValueError" in (last.error or {})["detail"]


def test_run_by_hand_is_beside_the_times_and_not_twice_at_once(done: list[str]) -> None:
    slot = missed(1)
    with db.transaction() as session:
        run = clock.run_now(session, run_periodic_task, TASK, by=_somebody())
    with pytest.raises(NotPossible), db.transaction() as session:
        clock.run_now(session, run_periodic_task, TASK, by=_somebody())
    assert drive(run) == "succeeded"
    assert (runs(), done) == ([run], ["done"])
    assert poke() == 1, "the slot that was due is still due"
    assert (slot, SlotState.BEGUN) in rows()


def test_lateness_is_told_while_nobody_pokes_and_when_somebody_did(done: list[str]) -> None:
    slot = missed(1)
    with db.reading() as session:
        [before] = clock.standings(session)
        since = (before.next - slot).total_seconds()
    assert since == 365 * 24 * HOUR
    assert 0 < before.lateness < since
    poke()
    with db.reading() as session:
        [after] = clock.standings(session)
    assert after.lateness == 0
    assert after.last is not None
    assert (after.last.at - after.last.slot).total_seconds() == pytest.approx(before.lateness, abs=30)


def test_old_slots_are_forgotten_but_never_the_newest() -> None:
    missed(2)
    poke()
    drive(*runs())
    old = datetime(2001, 1, 1).astimezone()
    with db.transaction() as session:
        session.execute(update(SlotRow).values(at=old))
        assert slots.prune(session) == 1
        assert slots.prune(session) == 0
    assert len(rows()) == 1
    assert poke() == 0


def _somebody() -> str:
    return "0199aaaa-0000-7000-8000-000000000000"
