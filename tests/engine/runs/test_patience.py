"""P15: what is away for a while ends nothing. Patience is a time, and nobody who is away is called by everybody."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest

import db
import engine.sweep
from engine import Hold, State, Step, Workflow, breaker, outages
from engine.database_clock import Watch
from engine.limits import FAULT_PATIENCE, FORGET, OPENS, PROBES, RELEASE
from engine.outcomes import Refused, TryAgain, Unknown
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, carrier, hand_over, label, pack, returned, script, tell, unlabel, unpack
from tests.sandboxes import wait_until

HOUR = 3600.0
soon = Workflow(
    "send_parcel_soon",
    Step("pack", do=pack, undo=unpack),
    Step("label", do=label, undo=unlabel),
    Step("hand_over", do=hand_over, pivot=True),
    Step("tell", do=tell),
    on_failed=returned,
    deadline=HOUR,
)


def away() -> TryAgain:
    return TryAgain("carrier_busy", "come back later", away=True)


def until_away(driver: Driver, *parcels: str) -> list[str]:
    """Runs that wait for the carrier, who has failed often enough to count as away."""
    for parcel in parcels:
        script.always("label", parcel, away())
    ids = driver.start_wave(*parcels, workflow=soon)
    driver.drain()
    outages.look()
    return ids


def look(driver: Driver, seconds: float) -> None:
    """What every worker does about once a second."""
    driver.pass_time(seconds)
    outages.look()
    driver.sweep_after(0)
    driver.drain()


def tried(driver: Driver, id: str) -> None:
    """Until its call, however long it takes to log a fault, is recorded."""
    driver.drain()
    wait_until(lambda: driver.row(id).hold != Hold.CALL, what=f"{id} to be recorded")


# --- time, not attempts ------------------------------------------------------------------------------


def test_p15_a_step_is_tried_until_the_deadline_however_often_that_is(driver: Driver) -> None:
    script.always("label", "p1", TryAgain("closed", after=1.0))
    id = driver.start(workflow=soon)
    driver.drain()
    for _ in range(50):
        driver.sweep_after(61)
        driver.drain()
    assert driver.status(id) == State.RUNNING
    assert len(script.keys("label", "p1")) > 12
    script.always("label", "p1", None)
    driver.sweep_after(201)
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED


def test_p15_at_the_deadline_it_turns_back_with_what_it_waited_for(driver: Driver) -> None:
    script.always("label", "p1", TryAgain("closed", "nobody there"))
    id = driver.start(workflow=soon)
    driver.drain()
    driver.sweep_after(HOUR)
    driver.drain()
    job = driver.job(id)
    assert job.status == State.FAILED
    assert job.error == {"code": "closed", "detail": "nobody there"}
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


def test_the_pause_ends_with_the_time_that_is_left(driver: Driver) -> None:
    script.always("label", "p1", TryAgain("closed", after=300.0))
    id = driver.start(workflow=soon)
    driver.pass_time(HOUR - 10)
    driver.drain()
    row = driver.row(id)
    assert row.due_at is not None
    assert row.due_at - row.sent_at <= timedelta(seconds=10.5)


BREAKS = {"pack": Raise, "fetch:label": Raise, "label": None, "unlabel": None, "tell": None}


@pytest.mark.parametrize("step", BREAKS)
def test_a_fault_of_our_own_calls_a_person_and_undoes_nothing_unseen(driver: Driver, step: str) -> None:
    oops, wrap = ValueError("secret"), BREAKS[step]
    script.always(step, "p1", wrap(oops) if wrap else oops)
    if step == "unlabel":
        script.say("label", "p1", Refused("no_paper"))
    id = driver.start()
    tried(driver, id)
    assert not driver.job(id).final
    driver.sweep_after(FAULT_PATIENCE - 60)
    tried(driver, id)
    assert not driver.job(id).final
    driver.sweep_after(FAULT_PATIENCE)
    tried(driver, id)
    job = driver.job(id)
    assert (job.status, job.error["code"] if job.error else None) == (State.NEEDS_ATTENTION, "internal_error")
    assert "ValueError" in str(job.error)
    assert "secret" not in str(job.error)
    assert "unpack" not in driver.effects(id)
    script.always(step, "p1", None)
    driver.ask(engine.retry, id, by="ada")
    driver.finish(id)
    assert driver.status(id) == (State.FAILED if step == "unlabel" else State.SUCCEEDED)


@pytest.mark.parametrize("step", ["label", "unlabel", "tell"])
def test_a_fault_after_an_outage_has_all_its_time(driver: Driver, step: str) -> None:
    """How long somebody else was away is not held against it; in and out of faults, the first one counts."""
    script.always(step, "p1", TryAgain("closed"))
    if step == "unlabel":
        script.say("label", "p1", Refused("no_paper"))
    id = driver.start(workflow=soon)
    tried(driver, id)
    for said, seconds in ((ValueError(), 2 * FAULT_PATIENCE), (TryAgain("closed"), 210), (ValueError(), 210)):
        script.always(step, "p1", said)
        driver.sweep_after(seconds)
        tried(driver, id)
        assert not driver.job(id).final
    driver.sweep_after(FAULT_PATIENCE - 400)
    tried(driver, id)
    assert driver.status(id) == State.NEEDS_ATTENTION


def broken_past_its_deadline(driver: Driver) -> str:
    script.always("label", "p1", ValueError("oops"))
    id = driver.start(workflow=soon)
    driver.pass_time(HOUR - 30)
    tried(driver, id)
    driver.sweep_after(60)
    tried(driver, id)
    assert driver.status(id) == State.NEEDS_ATTENTION
    return id


def test_a_fault_past_the_deadline_is_not_undone_unseen_either(driver: Driver) -> None:
    id = broken_past_its_deadline(driver)
    assert driver.effects(id) == ["pack"]
    driver.ask(engine.give_back, id, by="ada")
    driver.drain()
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


def test_an_operators_retry_past_the_deadline_tries_again_and_does_not_undo_unseen(driver: Driver) -> None:
    """A fault of our own is no reason to run out of time: it has the time of a new run."""
    id = broken_past_its_deadline(driver)
    script.always("label", "p1", None)
    driver.pass_time(8 * HOUR)
    driver.ask(engine.retry, id, by="ada")
    driver.finish(id)
    assert driver.status(id) == State.SUCCEEDED
    assert "unpack" not in driver.effects(id)


# --- the undo of what never left ---------------------------------------------------------------------


def test_what_never_left_the_house_is_undone_without_asking_anybody(driver: Driver) -> None:
    """However long the carrier stays away."""
    script.always("unlabel", "p1", away())
    [id] = until_away(driver, "p1")
    driver.ask(engine.cancel, id)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert script.keys("unlabel", "p1") == []
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


@pytest.mark.parametrize("first", [True, False])
def test_where_nobody_knows_of_any_attempt_the_undo_asks(driver: Driver, first: bool) -> None:
    lost, shut = Unknown("lost", away=True), away()
    script.say("label", "p1", *((lost, shut) if first else (shut, lost)))
    script.always("label", "p1", shut)
    id = driver.start(workflow=soon)
    driver.drain()
    driver.sweep_after(101)
    driver.drain()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert script.keys("unlabel", "p1") == [f"{id}:label:undo"]
    assert driver.status(id) == State.FAILED


def test_a_worker_that_died_in_the_call_may_have_made_it(driver: Driver) -> None:
    id = driver.start(workflow=soon)
    driver.deliver()
    script.say("label", "p1", lambda: (_ for _ in ()).throw(SystemExit))
    script.always("label", "p1", away())
    with pytest.raises(SystemExit):
        driver.deliver()
    driver.sweep_after(11)
    driver.drain()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert script.keys("unlabel", "p1") == [f"{id}:label:undo"]


# --- the breaker -------------------------------------------------------------------------------------


def test_p15_who_is_away_is_probed_by_a_few(driver: Driver) -> None:
    ids = until_away(driver, *[f"p{n}" for n in range(OPENS + 5)])
    late = driver.start_wave(*[f"late{n}" for n in range(20)], workflow=soon)
    for n in range(20):
        script.always("label", f"late{n}", away())
    asked = len(script.calls)
    driver.drain()
    assert len(script.calls) - asked <= PROBES
    for _ in range(10):
        look(driver, 10.5)
    assert len(script.calls) - asked <= 11 * PROBES + PROBES
    assert {driver.row(id).waiting_for for id in ids + late} == {"carrier"}
    assert {driver.row(id).hold for id in ids + late} == {Hold.BACKOFF}


def test_p15_once_it_is_back_everybody_goes_on_within_seconds(driver: Driver) -> None:
    parcels = [f"p{n}" for n in range(OPENS + 15)]
    ids = until_away(driver, *parcels)
    for _ in range(6):
        look(driver, 30)
    for parcel in parcels:
        script.always("label", parcel, None)
    look(driver, 10.5)  # a probe
    look(driver, 1)  # heard of it
    look(driver, RELEASE)
    driver.drain()
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}
    with db.reading() as session:
        assert outages.outages(session) == []


def test_one_failure_after_its_return_keeps_nobody_back(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    parcels = [f"p{n}" for n in range(OPENS + 5)]
    ids = until_away(driver, *parcels)
    look(driver, 10.5)
    for parcel in parcels:
        script.always("label", parcel, None)
    look(driver, 10.5)
    monkeypatch.setattr(breaker, "TRUST", -1.0)  # as a process that was not answered itself
    script.always("label", "unlucky", away())
    driver.start("unlucky", workflow=soon)
    driver.drain()
    look(driver, 0)
    look(driver, RELEASE)
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}


def test_who_is_put_aside_says_so_and_ends_with_its_own_time(driver: Driver) -> None:
    ids = until_away(driver, *[f"p{n}" for n in range(OPENS + 1)])
    late = driver.start("late", workflow=soon)
    driver.drain()
    assert driver.job(late).steps[1].error == {"code": "carrier_busy", "detail": "come back later"}
    waits = driver.job(late).waiting_for
    assert waits is not None
    assert waits["what"] == "carrier"
    driver.sweep_after(HOUR)
    driver.drain()
    for id in [*ids, late]:
        assert driver.job(id).error == {"code": "carrier_busy", "detail": "come back later"}
        assert driver.status(id) == State.FAILED
    assert carrier.acted == {}


def test_a_no_is_an_answer_and_closes_it(driver: Driver) -> None:
    until_away(driver, *[f"p{n}" for n in range(OPENS)])
    with db.reading() as session:
        assert [(one.gateway, one.waiting) for one in outages.outages(session)] == [("carrier", OPENS)]
    driver.pass_time(2)
    script.say("label", "q", Refused("no_such_street"))
    id = driver.start("q", workflow=soon)
    driver.drain()
    assert driver.status(id) == State.FAILED
    with db.reading() as session:
        assert outages.outages(session) == []


@pytest.mark.parametrize("seconds", [90.0, 86_400.0])
def test_p15_a_clock_that_was_set_back_keeps_nobody_from_finding_out_who_is_back(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    parcels = [f"p{n}" for n in range(OPENS + 1)]
    ids = until_away(driver, *parcels)
    look(driver, 0)  # it is told
    for parcel in parcels:
        script.always("label", parcel, None)
    monkeypatch.setattr(engine.sweep, "watch", Watch())
    driver.pass_time(-seconds)
    for _ in range(4):
        look(driver, RELEASE)
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}


def test_whom_nobody_waits_for_is_not_told_of_and_forgotten_after_a_day(driver: Driver, logged: StringIO) -> None:
    ids = until_away(driver, *[f"p{n}" for n in range(OPENS)])
    for id in ids:
        driver.ask(engine.cancel, id)
    driver.drain()
    logged.truncate(0)
    look(driver, 0.7 * FORGET)
    with db.reading() as session:
        assert [(one.gateway, one.waiting) for one in outages.outages(session)] == [("carrier", 0)]
    look(driver, 0.7 * FORGET)
    with db.reading() as session:
        assert outages.outages(session) == []
    assert "runs wait for a gateway" not in logged.getvalue()


def test_not_now_is_an_answer_too(driver: Driver) -> None:
    """A mail server that defers one message is there for all others."""
    until_away(driver, *[f"p{n}" for n in range(OPENS)])
    driver.pass_time(2)
    script.always("label", "q", TryAgain("not_this_one", answered=True))
    id = driver.start("q", workflow=soon)
    driver.drain()
    assert driver.row(id).hold == Hold.BACKOFF
    with db.reading() as session:
        assert outages.outages(session) == []


def test_it_is_told_once_a_minute_with_counts(driver: Driver, logged: StringIO) -> None:
    until_away(driver, *[f"p{n}" for n in range(OPENS + 2)])
    logged.truncate(0)
    for _ in range(13):
        look(driver, 10)
    lines = [json.loads(line) for line in logged.getvalue().strip("\0").splitlines()]
    told = [line for line in lines if line["event"] == "runs wait for a gateway that is away"]
    assert [(line["gateway"], line["waiting"]) for line in told] == [("carrier", OPENS + 2)] * 2
