"""Cancelling is a request, honoured at the next claim and only before the pivot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import db
import engine
from engine import Hold, NotPossible, State
from engine.outcomes import Refused, TryAgain, Unknown, Wait
from engine.tables import RunRow
from tests.engine.driver import Driver
from tests.engine.parcels import script

CANCELLED = {"code": "cancelled", "detail": "cancelled on request"}


def cancel_now(driver: Driver, id: str, line: object = None) -> Callable[[], object]:
    """A line for the script: the run is cancelled while the call is under way, which then ends like this."""

    def during_the_call() -> object:
        driver.ask(engine.cancel, id)
        return line

    return during_the_call


def refused(driver: Driver, id: str) -> str:
    before = driver.state_of_everything()
    with pytest.raises(NotPossible) as no:
        driver.ask(engine.cancel, id)
    assert driver.state_of_everything() == before
    return no.value.code


def test_a_queued_run_ends_without_having_done_anything(driver: Driver) -> None:
    id = driver.start()
    driver.ask(engine.cancel, id)
    assert driver.job(id).cancel_requested
    assert driver.status(id) == State.QUEUED
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CANCELLED
    assert driver.journal(id) == []
    assert driver.effects(id) == ["returned"]


def test_a_run_between_steps_undoes_what_is_done(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert driver.effects(id) == ["pack", "unpack", "returned"]
    assert script.calls == []
    assert driver.job(id).error == CANCELLED


def test_its_neighbours_in_the_wave_go_on(driver: Driver) -> None:
    ids = driver.start_wave("p1", "p2")
    driver.deliver()
    driver.ask(engine.cancel, ids[0])
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.FAILED, State.SUCCEEDED]


def test_a_run_in_backoff_turns_back_at_once_and_undoes_the_step_it_had_begun(driver: Driver) -> None:
    script.say("label", "p1", Unknown("timeout", after=3600.0))
    id = driver.start()
    driver.drain()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert len(script.keys("label", "p1")) == 1


def test_a_waiting_run_turns_back_at_once(driver: Driver) -> None:
    script.say("label", "p1", Wait("not_signed", seconds=900.0))
    id = driver.start()
    driver.drain()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CANCELLED
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


def test_in_call_the_answer_is_recorded_first(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    script.say("label", "p1", cancel_now(driver, id))
    driver.drain()
    assert driver.journal(id)[1] == ("label", "do", "done", 1)
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]
    assert driver.job(id).error == CANCELLED
    assert script.visits["hand_over", "p1"] == 0


@pytest.mark.parametrize(
    "answer",
    [Wait("not_signed", seconds=900.0), TryAgain("closed", after=900.0), Unknown("timeout", after=900.0)],
    ids=["wait", "try again", "unknown"],
)
def test_in_call_it_turns_back_as_soon_as_the_answer_is_there(driver: Driver, answer: Exception) -> None:
    id = driver.start()
    driver.deliver()
    script.say("label", "p1", cancel_now(driver, id, answer))
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CANCELLED
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert len(script.keys("label", "p1")) == 1


def test_in_call_a_refusal_is_what_the_run_failed_of(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    script.say("label", "p1", cancel_now(driver, id, Refused("unknown_address")))
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == {"code": "unknown_address", "detail": "unknown address"}


def test_a_worker_that_dies_in_the_call_does_not_lose_the_request(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.change(id, hold="call", cancel_requested=True)
    driver.lose_all()
    driver.finish(id)
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CANCELLED
    assert script.keys("label", "p1") == []


@pytest.mark.parametrize("parcel_tables", ["postgresql"], indirect=True)  # on SQLite nobody can come in between
def test_what_was_read_before_the_run_was_locked_is_not_believed(driver: Driver) -> None:
    """A call that has begun meanwhile is not cut off: its answer is still to be recorded."""
    id = driver.start()
    with db.transaction() as session:
        read_before = session.get_one(RunRow, id)
        driver.change(id, hold=Hold.CALL)
        engine.cancel(session, id)
    assert driver.row(id).version == 0
    assert read_before.hold == Hold.CALL


def test_twice_is_once(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.ask(engine.cancel, id)
    before = driver.job(id)
    driver.ask(engine.cancel, id)
    assert driver.job(id) == before
    driver.drain()
    assert driver.effects(id) == ["pack", "unpack", "returned"]


def test_past_the_pivot_it_is_too_late(driver: Driver) -> None:
    id = driver.start()
    for _ in range(3):
        driver.deliver()
    assert refused(driver, id) == "too_late_to_cancel"
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED
    assert not driver.job(id).cancel_requested


def test_one_that_is_being_undone_already_cannot_be_cancelled(driver: Driver) -> None:
    script.say("hand_over", "p1", Refused("no_van"))
    id = driver.start()
    for _ in range(3):
        driver.deliver()
    assert driver.status(id) == State.COMPENSATING
    assert refused(driver, id) == "too_late_to_cancel"
    driver.drain()
    assert driver.job(id).error == {"code": "no_van", "detail": "no van"}


@pytest.mark.parametrize("line", [None, Refused("too_big")], ids=["succeeded", "failed"])
def test_one_that_has_ended_cannot_be_cancelled(driver: Driver, line: object) -> None:
    script.say("pack", "p1", line)
    id = driver.start()
    driver.drain()
    assert refused(driver, id) == "too_late_to_cancel"


@pytest.mark.parametrize("id", ["01a20716-c1f8-7d97-ac0d-7aea55823f40", "nonsense"])
def test_one_that_nobody_knows_cannot_be_cancelled(driver: Driver, id: str) -> None:
    assert refused(driver, id) == "not_found"


def test_a_cancelled_run_whose_message_is_lost_is_found_by_the_sweep(driver: Driver) -> None:
    id = driver.start()
    driver.ask(engine.cancel, id)
    driver.lose_all()
    driver.finish(id)
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["returned"]
