"""An exception that nobody named: it hurts only its own run, wherever it is raised."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import TimeoutError as NoConnection

import engine
from engine import State, Step, Workflow, workflows
from engine.outcomes import Refused
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, carrier, hand_over, label, pack, returned, script, send_parcel, unlabel

GOOD = ["pack", "label", "hand_over", "tell"]


def poisoned(driver: Driver) -> list[str]:
    return driver.start_wave("p1", "p2", "p3")


def neighbours_are_well(driver: Driver, ids: list[str]) -> None:
    for id in (ids[0], ids[2]):
        assert driver.effects(id) == GOOD
        assert [attempts for *_, attempts in driver.journal(id)] == [1, 1, 1, 1]
        assert driver.status(id) == State.SUCCEEDED


@pytest.mark.parametrize("step", ["pack", "hand_over", "fetch:label", "fetch:tell"])
def test_it_hurts_only_its_own_run(driver: Driver, step: str) -> None:
    """The neighbours go on with the very same message: they wait for no sweep."""
    script.always(step, "p2", Raise(ValueError("oops")))
    ids = poisoned(driver)
    driver.drain()
    neighbours_are_well(driver, ids)
    assert driver.status(ids[1]) == State.RUNNING
    assert driver.job(ids[1]).steps[-1 if step == "fetch:tell" else 0].name
    name = step.removeprefix("fetch:")
    [stuck] = [one for one in driver.job(ids[1]).steps if one.name == name]
    assert stuck.error == {"code": "internal_error", "detail": "the step failed unexpectedly (ValueError)"}
    assert stuck.next_attempt_at is not None


@pytest.mark.parametrize("step", ["pack", "fetch:label"])
def test_it_is_tried_for_a_while_and_then_a_person_is_called(driver: Driver, step: str) -> None:
    script.always(step, "p2", Raise(ValueError("oops")))
    ids = poisoned(driver)
    driver.finish(*ids)
    neighbours_are_well(driver, ids)
    job = driver.job(ids[1])
    assert job.status == State.NEEDS_ATTENTION
    assert job.error is not None
    assert job.error["detail"] == "the step failed unexpectedly (ValueError)"
    assert "unpack" not in driver.effects(ids[1])
    driver.ask(engine.give_back, ids[1], by="ada")
    driver.drain()
    assert driver.effects(ids[1])[-1] == "returned"
    assert script.keys("label", "p2") == []


def test_one_that_passes_is_forgotten(driver: Driver) -> None:
    script.say("pack", "p2", Raise(ValueError("oops")), Raise(ValueError("oops")))
    ids = poisoned(driver)
    driver.finish(*ids)
    assert [driver.effects(id) for id in ids] == [GOOD] * 3
    assert driver.journal(ids[1])[0] == ("pack", "do", "done", 2)


def test_in_a_call_nobody_knows_whether_it_happened(driver: Driver) -> None:
    script.say("label", "p2", ValueError("oops"))
    ids = poisoned(driver)
    driver.drain()
    neighbours_are_well(driver, ids)
    assert driver.job(ids[1]).steps[1].error == {
        "code": "internal_error",
        "detail": "the call failed unexpectedly (ValueError)",
    }
    driver.finish(*ids)
    assert script.keys("label", "p2") == [f"{ids[1]}:label"] * 2
    assert carrier.acted[f"{ids[1]}:label"] == 1
    assert driver.effects(ids[1]) == GOOD


def test_in_remember_the_same_key_is_asked_again(driver: Driver) -> None:
    script.say("remember:label", "p2", ValueError("oops"), ValueError("oops"))
    ids = poisoned(driver)
    driver.drain()
    neighbours_are_well(driver, ids)
    assert driver.effects(ids[1]) == ["pack"]
    driver.finish(*ids)
    assert driver.effects(ids[1]) == GOOD
    assert script.keys("label", "p2") == [f"{ids[1]}:label"] * 2


def test_in_on_failed_after_an_undo_the_undo_is_tried_for_a_while_then_a_person_is_asked(driver: Driver) -> None:
    script.always("hand_over", "p2", Refused("no_van"))
    script.always("returned", "p2", Raise(ValueError("oops")))
    ids = poisoned(driver)
    driver.finish(*ids)
    neighbours_are_well(driver, ids)
    job = driver.job(ids[1])
    assert job.status == State.NEEDS_ATTENTION
    assert job.error is not None
    assert job.error["cause"] == {"code": "no_van", "detail": "no van"}
    assert driver.journal(ids[1])[-1][:3] == ("pack", "undo", "failed")
    assert "returned" not in driver.effects(ids[1])


def test_in_on_failed_with_nothing_to_undo_a_person_is_asked(driver: Driver) -> None:
    """And the sweep goes on sweeping for everybody else."""
    bare = Workflow("bare", Step("hand_over", do=hand_over), on_failed=returned)
    script.always("hand_over", "p2", Refused("no_van"))
    script.always("returned", "p2", Raise(ValueError("oops")))
    ids = driver.start_wave("p1", "p2", workflow=bare)
    driver.finish(*ids)
    assert driver.effects(ids[0]) == ["hand_over"]
    assert driver.status(ids[1]) == State.NEEDS_ATTENTION
    assert driver.effects(ids[1]) == []
    del workflows["bare"]


def test_a_run_that_is_given_up_with_a_broken_on_failed_does_not_stop_the_sweep(driver: Driver) -> None:
    bare = Workflow("bare", Step("hand_over", do=hand_over), on_failed=returned)
    script.always("returned", "p1", Raise(ValueError("oops")))
    given_up = driver.start("p1", workflow=bare)
    healthy = driver.start("p2")
    driver.deliver(driver.mail[1])
    driver.lose_all()
    driver.change(given_up, losses=20, claims=20)
    driver.sweep_after(6)
    driver.pass_time(6)
    driver.return_probes()
    driver.finish(given_up, healthy)
    assert driver.status(given_up) == State.NEEDS_ATTENTION
    assert driver.status(healthy) == State.SUCCEEDED
    del workflows["bare"]


def test_a_pool_without_a_free_connection_is_nobodys_fault(driver: Driver) -> None:
    id = driver.start()
    message = driver.mail[0]
    script.say("pack", "p1", Raise(NoConnection("QueuePool limit reached")))
    with pytest.raises(NoConnection):
        driver.deliver()
    assert driver.journal(id) == []
    driver.deliver(message)
    assert driver.journal(id) == [("pack", "do", "done", 1)]


def test_a_remote_first_step_with_nothing_to_undo(driver: Driver) -> None:
    labelled = Workflow("labelled", Step("label", do=label), Step("pack", do=pack), on_failed=returned)
    script.always("label", "p1", Refused("unknown_address"))
    script.say("returned", "p1", Raise(ValueError("oops")))
    id = driver.start(workflow=labelled)
    driver.finish(id)
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["returned"]
    assert set(script.keys("label", "p1")) == {f"{id}:label"}
    del workflows["labelled"]
    assert workflows["send_parcel"] is send_parcel
    assert unlabel.name == "parcels.unlabel"
