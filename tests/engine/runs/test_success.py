"""A run on a good day."""

from __future__ import annotations

from engine import State
from engine.outcomes import Refused, TryAgain
from tests.engine.driver import Driver, Message
from tests.engine.parcels import carrier, script

ALL = ("parcels.pack", "parcels.label", "parcels.hand_over", "parcels.tell")


def test_a_run_goes_through_its_steps_and_every_effect_is_there_once(driver: Driver) -> None:
    id = driver.start()
    driver.drain()
    job = driver.job(id)
    assert job.status == State.SUCCEEDED
    assert driver.journal(id) == [
        ("pack", "do", "done", 1),
        ("label", "do", "done", 1),
        ("hand_over", "do", "done", 1),
        ("tell", "do", "done", 1),
    ]
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert carrier.acted == {f"{id}:label": 1, f"{id}:tell": 1}
    assert job.error is None
    assert job.finished_at is not None
    assert job.finished_at >= job.created_at


def test_each_step_shows_its_state_while_the_run_is_on_its_way(driver: Driver) -> None:
    id = driver.start()
    assert driver.status(id) == State.QUEUED
    assert [step.status for step in driver.job(id).steps] == ["pending"] * 4
    seen = []
    while driver.mail:
        driver.deliver()
        seen.append((driver.status(id), [step.status for step in driver.job(id).steps]))
    assert seen == [
        (State.RUNNING, ["done", "pending", "pending", "pending"]),
        (State.RUNNING, ["done", "done", "pending", "pending"]),
        (State.RUNNING, ["done", "done", "done", "pending"]),
        (State.SUCCEEDED, ["done", "done", "done", "done"]),
    ]


def test_a_remote_step_counts_as_begun_while_its_call_is_under_way(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    seen: list[object] = []
    script.say("label", "p1", lambda: seen.append((driver.status(id), driver.journal(id)[-1])))
    driver.deliver()
    assert seen == [(State.RUNNING, ("label", "do", "begun", 1))]


def test_a_wave_is_one_message_a_step(driver: Driver) -> None:
    ids = driver.start_wave("p1", "p2", "p3")
    assert driver.mail == [Message(ALL, tuple(ids))]
    delivered = 0
    while driver.mail:
        driver.deliver()
        delivered += 1
    assert delivered == 4
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}
    assert [driver.count(step) for step in ("pack", "label", "hand_over", "tell")] == [3, 3, 3, 3]


def test_outputs_are_kept_in_the_journal_and_the_last_one_is_the_result(driver: Driver) -> None:
    script.say("pack", "p1", {"weight": 2})
    script.say("label", "p1", {"label": "L-1"})
    script.say("tell", "p1", {"told": True})
    id = driver.start()
    driver.drain()
    assert [step.output for step in driver.job(id).steps] == [{"weight": 2}, {"label": "L-1"}, None, {"told": True}]
    assert driver.job(id).result == {"told": True}


def test_a_run_whose_last_step_has_no_output_has_no_result(driver: Driver) -> None:
    id = driver.start()
    driver.drain()
    assert driver.job(id).result is None


def test_the_version_grows_with_every_change(driver: Driver) -> None:
    id = driver.start()
    versions = [driver.row(id).version]
    while driver.mail:
        driver.deliver()
        versions.append(driver.row(id).version)
    assert versions == [0, 1, 3, 4, 6]  # a remote step is two: the intent and the record


def test_the_chain_goes_on_while_one_of_its_runs_does(driver: Driver) -> None:
    script.say("pack", "p1", Refused("too_big"))
    ids = driver.start_wave("p1", "p2")
    assert driver.deliver() == Message(ALL[1:], tuple(ids))
    assert driver.status(ids[0]) == State.COMPENSATING
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.FAILED, State.SUCCEEDED]
    assert driver.effects(ids[0]) == ["unpack", "returned"]


def test_the_chain_is_cut_where_none_of_its_runs_goes_on(driver: Driver) -> None:
    script.say("pack", "p1", TryAgain("no_box"))
    id = driver.start()
    assert driver.deliver() is None
    assert driver.mail == []
    assert driver.journal(id) == [("pack", "do", "begun", 1)]


def test_the_chain_is_cut_where_every_remote_call_ends_badly(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed"))
    driver.start()
    driver.deliver()
    assert driver.deliver() is None
    assert driver.mail == []


def test_a_remote_step_without_a_request_has_nothing_to_do_and_is_done(driver: Driver) -> None:
    script.say("fetch:label", "p1", False)
    id = driver.start()
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED
    assert driver.journal(id)[1] == ("label", "do", "done", 1)
    assert script.keys("label", "p1") == []
    assert "label" not in driver.effects(id)


def test_fetch_may_settle_a_run_at_once(driver: Driver) -> None:
    script.say("fetch:label", "p1", Refused("no_address"))
    ids = driver.start_wave("p1", "p2")
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.FAILED, State.SUCCEEDED]
    assert driver.job(ids[0]).error == {"code": "no_address", "detail": "no address"}
    assert script.keys("label", "p1") == []
