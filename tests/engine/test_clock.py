"""Poke it as often as you like: a slot begins once, by the database's clock, and what was missed is made up (P11)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text, update

import db
import tasks.maintenance
import tasks.periodic
from beat_schedule import SCHEDULE, Every
from doctor.schedule import slots_are_run_once
from engine import NotPossible, clock, poking, slots
from engine.limits import FAULT_PATIENCE
from engine.slots import SlotRow, SlotState
from engine.tables import RunRow
from tasks.periodic import periodic_tasks
from tests.api.inline_worker import drive
from tests.engine.clock import pass_time
from tests.fixtures import Database
from tests.sandboxes import wait_until
from workflows import run_periodic_task

TASK, HOUR = "release_expired_reservations", 3600


@pytest.fixture(autouse=True)
def _one_task(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of once a year, as it were: its slots come when a test wants them, not while it runs."""
    for name in set(SCHEDULE) - {TASK}:
        monkeypatch.delitem(SCHEDULE, name)
    monkeypatch.setitem(SCHEDULE, TASK, Every(365 * 24 * HOUR))


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


def tried(run: str) -> str:
    """Its state after one more try: to log what broke may take longer than a wave waits."""
    drive(run)

    def standing() -> RunRow:
        with db.reading() as session:
            return session.get_one(RunRow, run)

    wait_until(lambda: standing().hold != "call", what=f"{run} to be recorded")
    return standing().state


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


def test_a_task_that_breaks_is_tried_for_a_quarter_of_an_hour_then_a_person_is_called_and_the_next_slot_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks() -> None:
        raise ValueError("no such thing")

    monkeypatch.setitem(periodic_tasks, TASK, breaks)
    slot = missed(1)
    poke()
    [run] = runs()
    for _ in range(3):
        assert tried(run) == "running"
        with db.transaction() as session:
            session.execute(update(RunRow).where(RunRow.hold == "backoff").values(hold="none"))
    with db.transaction() as session:
        pass_time(session, FAULT_PATIENCE)
    assert tried(run) == "needs_attention"
    assert rows() == [(slot, SlotState.FAILED)]
    with db.reading() as session:
        last = slots.last(session)[TASK]
    assert (last.error or {})["code"] == "internal_error"
    assert "ValueError" in (last.error or {})["detail"]
    one_slot_passes()
    assert (poke(), len(runs())) == (1, 2)


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


# --- the clock is set back ------------------------------------------------------------------------


def set_back(monkeypatch: pytest.MonkeyPatch, seconds: int, period: int = 60) -> datetime:
    """The task has run at its newest slot, and then it was so much earlier. Returns what that slot is now."""
    monkeypatch.setitem(SCHEDULE, TASK, Every(period))
    poke()
    with db.transaction() as session:
        [noted] = session.scalars(select(SlotRow.slot)).all()
        session.execute(update(SlotRow).values(slot=noted - timedelta(seconds=period)))
    poke()
    assert drive(*runs()) == "succeeded"
    with db.transaction() as session:
        [before, newest] = session.scalars(select(SlotRow.slot).order_by(SlotRow.slot)).all()
        session.execute(text("DELETE FROM periodic_slots WHERE state = 'noted'"))
        session.add(SlotRow(task=TASK, slot=before - timedelta(seconds=period), state=SlotState.NOTED, at=before))
        shifted = newest + timedelta(seconds=seconds)
        session.execute(update(SlotRow).where(SlotRow.state == SlotState.DONE).values(slot=shifted))
        session.execute(update(RunRow).values(key=f"{TASK}@{shifted.isoformat()}"))
    return shifted


def test_p11_a_clock_that_was_set_back_has_its_slots_come_again(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = set_back(monkeypatch, 600)
    [old] = runs()
    assert poke() == 1
    [run] = runs()
    assert run != old
    [(slot, state)] = rows()
    assert slot <= ahead - timedelta(seconds=540)
    assert state == SlotState.BEGUN
    assert drive(run) == "succeeded"
    assert done == ["done", "done"]
    assert poke() == 0
    with db.reading() as session:
        assert list(slots_are_run_once(session)) == []


def test_p11_set_back_by_less_than_a_period_no_slot_begins_twice(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back(monkeypatch, 3600, period=3600)
    seen = rows(), runs()
    assert [poke(), poke()] == [0, 0]
    assert (rows(), runs(), done) == (*seen, ["done"])


def test_what_is_at_work_when_the_clock_is_set_back_is_not_begun_beside_itself(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back(monkeypatch, 600)
    [run] = runs()
    with db.transaction() as session:
        session.execute(update(SlotRow).where(SlotRow.run_id == run).values(state=SlotState.BEGUN))
        session.execute(update(RunRow).values(state="running"))
    assert [poke(), poke()] == [0, 0]
    assert runs() == [run]
    with db.transaction() as session:
        session.execute(update(RunRow).values(state="succeeded"))
    assert poke() == 1


def test_whoever_ran_a_task_by_hand_is_not_forgotten(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    set_back(monkeypatch, 600)
    with db.transaction() as session:
        session.execute(update(SlotRow).where(SlotRow.state == SlotState.DONE).values(asked_by=_somebody()))
    [by_hand] = runs()
    poke()
    assert by_hand in runs()


# --- workers look as well -------------------------------------------------------------------------


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often somebody looked."""
    looked: list[str] = []
    monkeypatch.setattr(poking, "_looks", [lambda: looked.append("at the schedule")])
    monkeypatch.setitem(SCHEDULE, TASK, Every(60))
    return looked


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(poker: poking.Poker, second: float) -> bool:
    return poker.look(NOON + timedelta(seconds=second))


def test_a_worker_pokes_soon_after_a_slot_and_not_between_two(looks: list[str]) -> None:
    poker = poking.Poker()
    assert [second for second in range(1, 200) if at(poker, second)] == [62, 122, 182]
    assert len(looks) == 3


def test_a_worker_pokes_at_once_when_the_clock_was_set_back_and_then_with_the_slots(looks: list[str]) -> None:
    poker = poking.Poker()
    assert not at(poker, 30)
    assert not at(poker, 29.5), "the time is partly reckoned"
    assert at(poker, -570)
    assert [second for second in range(-569, -440) if at(poker, second)] == [-538, -478]


def test_a_worker_that_does_not_know_the_time_leaves_the_schedule_alone(looks: list[str]) -> None:
    assert not poking.Poker().look(None)
    assert looks == []


def test_workers_look_at_the_schedule_and_for_campaigns() -> None:
    assert poking._looks == [tasks.periodic.look, tasks.maintenance.look_for_campaigns]


def test_a_look_that_fails_is_looked_again(looks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    poker = poking.Poker()
    at(poker, 1)
    broken = [lambda: 1 / 0]
    monkeypatch.setattr(poking, "_looks", broken)
    with pytest.raises(ZeroDivisionError):
        at(poker, 62)
    monkeypatch.setattr(poking, "_looks", [lambda: looks.append("now")])
    assert at(poker, 63)
    assert looks == ["now"]


def _somebody() -> str:
    return "0199aaaa-0000-7000-8000-000000000000"
