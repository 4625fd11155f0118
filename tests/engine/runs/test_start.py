"""Starting a run: once for each key, and nothing before the commit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from sqlalchemy import func, select

import db
import engine
from engine import Named, State, UnknownWorkflow, plan
from engine.commands import Started
from engine.tables import JournalRow, PlanRow, RunRow
from tests.engine.driver import Driver
from tests.engine.parcels import send_parcel


def start(key: str, subject: str = "p1") -> Started:
    with db.transaction() as session:
        return engine.start(session, send_parcel, key=key, subject=("parcel", subject), input={"floor": 3})


def count(table: type) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_same_key_twice_is_one_run_and_one_message(driver: Driver) -> None:
    first, second = start("k1"), start("k1", subject="another")
    assert first.fresh
    assert not second.fresh
    assert second.id == first.id
    assert count(RunRow) == 1
    assert driver.job(first.id).subject == {"type": "parcel", "id": "p1"}
    assert [message.ids for message in driver.mail] == [(first.id,)]


def test_another_key_is_another_run(driver: Driver) -> None:
    assert start("k1").id != start("k2").id
    assert count(RunRow) == 2


def test_the_key_of_a_run_that_has_ended_still_counts(driver: Driver) -> None:
    first = start("k1")
    driver.drain()
    assert start("k1") == Started(first.id, fresh=False)
    assert driver.mail == []
    assert driver.effects(first.id) == ["pack", "label", "hand_over", "tell"]


def test_the_same_key_at_the_same_instant_is_one_run(driver: Driver) -> None:
    together = Barrier(4)

    def at_once(_: int) -> Started:
        together.wait()
        return start("k1")

    for _ in range(5):
        with ThreadPoolExecutor(4) as threads:
            started = list(threads.map(at_once, range(4)))
        assert len({one.id for one in started}) == 1
        assert [one.fresh for one in started].count(True) == (1 if driver.mail else 0)
        assert len(driver.mail) == 1
        driver.drain()
        with db.transaction() as session:
            session.execute(RunRow.__table__.delete())
            session.execute(PlanRow.__table__.delete())
        engine.plans.forget()


def test_a_rollback_starts_nothing_and_sends_nothing(driver: Driver) -> None:
    with suppress(ZeroDivisionError), db.transaction() as session:
        engine.start(session, send_parcel, key="k1", subject=("parcel", "p1"))
        raise ZeroDivisionError
    assert [count(table) for table in (RunRow, JournalRow, PlanRow)] == [0, 0, 0]
    assert driver.sent == []


def test_a_plan_that_was_rolled_back_is_stored_by_the_next_run(driver: Driver) -> None:
    with suppress(ZeroDivisionError), db.transaction() as session:
        engine.start(session, send_parcel, key="k1", subject=("parcel", "p1"))
        raise ZeroDivisionError
    id = start("k1").id
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED


def test_nothing_leaves_before_the_commit(driver: Driver) -> None:
    with db.transaction() as session:
        engine.start(session, send_parcel, key="k1", subject=("parcel", "p1"))
        session.flush()
        assert driver.sent == []
    assert len(driver.sent) == 1


def test_the_end_of_a_savepoint_is_no_commit(driver: Driver) -> None:
    """Neither sends the message nor lets the process believe that the plan is stored."""
    with suppress(ZeroDivisionError), db.transaction() as session:
        with session.begin_nested():
            engine.start(session, send_parcel, key="k1", subject=("parcel", "p1"))
        assert driver.sent == []
        raise ZeroDivisionError
    assert driver.sent == []
    id = start("k1").id
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED


def test_a_run_started_in_a_savepoint_leaves_with_the_commit(driver: Driver) -> None:
    with db.transaction() as session:
        with session.begin_nested():
            id = engine.start(session, send_parcel, key="k1", subject=("parcel", "p1")).id
        engine.start(session, send_parcel, key="k2", subject=("parcel", "p2"))
    assert len(driver.sent) == 1
    assert len(driver.sent[0].ids) == 2
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED


def test_runs_of_one_transaction_travel_in_one_wave(driver: Driver) -> None:
    ids = driver.start_wave(*[f"p{n}" for n in range(10)])
    assert [message.ids for message in driver.sent] == [tuple(ids)]


def test_what_a_run_was_given_is_there_for_its_steps(driver: Driver) -> None:
    assert driver.row(start("k1").id).input == {"floor": 3}


def test_live_runs_are_those_about_a_subject_that_have_not_ended(driver: Driver) -> None:
    first, second, other = start("k1"), start("k2"), start("k3", subject="p2")
    with db.reading() as session:
        assert engine.live_runs(session, ("parcel", "p1")) == [first.id, second.id]
    driver.drain()
    with db.reading() as session:
        assert engine.live_runs(session, ("parcel", "p1")) == []
    assert driver.status(other.id) == State.SUCCEEDED


def test_a_workflow_is_started_by_its_name_from_below(driver: Driver) -> None:
    with db.transaction() as session:
        first = engine.start(session, Named("send_parcel"), key="k1", subject=("parcel", "p1"))
    assert [message.ids for message in driver.mail] == [(first.id,)]


def test_a_name_that_no_workflow_has_stops_the_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_named", {"send_parcel"})
    engine.check_names()
    Named("send_parcle")
    with pytest.raises(UnknownWorkflow, match=r"^No workflow is called send_parcle\.$"):
        engine.check_names()


def test_starting_by_a_name_that_no_workflow_has_says_so(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_named", set())
    with pytest.raises(UnknownWorkflow, match="There is no workflow send_parcle"), db.transaction() as session:
        engine.start(session, Named("send_parcle"), key="k1", subject=("parcel", "p1"))
    assert count(RunRow) == 0
