"""How a step can end other than well, and what the engine then does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

import db
import engine
from engine import Retry, State
from engine.limits import LONGEST_RETRY_AFTER
from engine.outcomes import Refused, TryAgain, Unknown
from engine.steps import Hook, hooks
from engine.tables import FailedAttemptRow
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, carrier, script
from tests.sandboxes import wait_until


def failures(id: str) -> list[tuple[int, str, str]]:
    with db.reading() as session:
        row = FailedAttemptRow
        rows = session.execute(select(row.step, row.direction, row.code).where(row.run_id == id).order_by(row.id))
        return [(step, direction, code) for step, direction, code in rows]


def seconds_until_due(driver: Driver, id: str) -> float:
    row = driver.row(id)
    assert row.due_at is not None
    return (row.due_at - row.sent_at) / timedelta(seconds=1)


# --- refused -------------------------------------------------------------------------------------


def test_a_refusal_undoes_everything_begun_newest_first(driver: Driver) -> None:
    script.say("hand_over", "p1", Refused("no_van", "the van is gone"))
    id = driver.start()
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]
    assert driver.journal(id) == [
        ("pack", "do", "done", 1),
        ("label", "do", "done", 1),
        ("hand_over", "do", "refused", 1),
        ("label", "undo", "done", 1),
        ("pack", "undo", "done", 1),
    ]
    assert driver.job(id).error == {"code": "no_van", "detail": "the van is gone"}
    assert driver.job(id).steps[2].error == {"code": "no_van", "detail": "the van is gone"}
    assert script.visits["tell", "p1"] == 0


def test_compensation_is_a_chain_of_its_own(driver: Driver) -> None:
    script.say("hand_over", "p1", Refused("no_van"))
    driver.start()
    driver.drain()
    assert [message.tasks for message in driver.sent[1:]] == [("parcels.unlabel", "parcels.unpack")]


def test_the_refused_step_itself_is_undone_too(driver: Driver) -> None:
    script.say("label", "p1", Refused("unknown_address"))
    id = driver.start()
    driver.drain()
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert script.keys("unlabel", "p1") == [f"{id}:label:undo"]
    assert carrier.acted == {f"{id}:label:undo": 1}


@pytest.mark.parametrize("lines", [("label",), ("hand_over",)], ids=["undone first", "undone last"])
def test_on_failed_is_told_why(driver: Driver, lines: tuple[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told = listen(monkeypatch)
    script.say(lines[0], "p1", Refused("no_van"))
    driver.start()
    driver.drain()
    assert told == [{"code": "no_van", "detail": "no van"}]


def test_on_failed_is_told_why_where_there_is_nothing_to_undo(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    told = listen(monkeypatch)
    id = driver.start()
    driver.ask(engine.cancel, id)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert told == [{"code": "cancelled", "detail": "cancelled on request"}]


def listen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    told: list[object] = []
    hook = Hook("parcels.returned", lambda _, runs: told.extend(run.error for run in runs))
    monkeypatch.setitem(hooks, "parcels.returned", hook)
    return told


def test_a_refusal_concerns_only_its_own_run(driver: Driver) -> None:
    script.say("label", "p2", Refused("unknown_address"))
    ids = driver.start_wave("p1", "p2", "p3")
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]


def test_past_the_pivot_a_refusal_asks_for_a_person_and_undoes_nothing(driver: Driver) -> None:
    script.say("tell", "p1", Refused("no_such_mailbox", "nobody lives there"))
    id = driver.start()
    driver.drain()
    job = driver.job(id)
    assert job.status == State.NEEDS_ATTENTION
    assert job.error == {"code": "no_such_mailbox", "detail": "nobody lives there", "step": "tell", "direction": "do"}
    assert driver.effects(id) == ["pack", "label", "hand_over"]
    assert driver.row(id).due_at is None
    assert driver.mail == []


@pytest.mark.parametrize("step", ["pack", "hand_over"])
def test_a_local_step_may_raise_its_refusal(driver: Driver, step: str) -> None:
    script.always(step, "p2", Raise(Refused("too_big")))
    ids = driver.start_wave("p1", "p2", "p3")
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]
    assert driver.job(ids[1]).error == {"code": "too_big", "detail": "too big"}
    assert step not in driver.effects(ids[1])
    assert [driver.effects(id) for id in (ids[0], ids[2])] == [["pack", "label", "hand_over", "tell"]] * 2


# --- try again -----------------------------------------------------------------------------------


def test_a_transient_failure_is_tried_again_after_its_backoff(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed", "come back later"))
    id = driver.start()
    driver.drain()
    assert driver.status(id) == State.RUNNING
    assert driver.journal(id)[1] == ("label", "do", "begun", 1)
    assert driver.job(id).steps[1].error == {"code": "closed", "detail": "come back later"}
    assert driver.sweep_after(20) == 0
    assert driver.sweep_after(31) == 1
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED
    assert driver.journal(id)[1] == ("label", "do", "done", 2)
    assert driver.job(id).steps[1].error is None
    assert failures(id) == [(1, "do", "closed")]


@pytest.mark.parametrize(("attempt", "full"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (5000, 60.0)])
def test_delays_double_up_to_the_most_with_jitter(attempt: int, full: float) -> None:
    delays = [Retry().delay(attempt) for _ in range(400)]
    assert full / 2 <= min(delays) < full * 0.6
    assert full * 0.9 < max(delays) <= full


def test_the_backoff_is_the_one_of_the_step(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed"), TryAgain("closed"))
    id = driver.start()
    driver.drain()
    assert 24 <= seconds_until_due(driver, id) <= 50.1
    driver.sweep_after(51)
    driver.drain()
    assert 49 <= seconds_until_due(driver, id) <= 100.1


@pytest.mark.parametrize("after", [86_400.0, 1e15])
def test_no_pause_is_longer_than_five_minutes_whatever_the_outside_wishes(driver: Driver, after: float) -> None:
    """SQLite answers a moment beyond its calendar with NULL, and the run would never be looked at again."""
    script.say("label", "p1", TryAgain("busy", after=after))
    id = driver.start()
    driver.drain()
    assert seconds_until_due(driver, id) == pytest.approx(LONGEST_RETRY_AFTER, abs=1)


def test_a_step_may_say_when_it_wants_to_be_tried_again(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed", after=90.0))
    id = driver.start()
    driver.drain()
    assert 89 <= seconds_until_due(driver, id) <= 90.1
    assert driver.sweep_after(89.0) == 0
    assert driver.sweep_after(1.5) == 1


def test_a_message_during_the_backoff_is_passed_over(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed"))
    id = driver.start()
    driver.deliver()
    message = driver.mail[0]
    driver.drain()
    driver.deliver(message)
    assert script.keys("label", "p1") == [f"{id}:label"]


def test_time_that_runs_out_before_the_pivot_is_a_refusal(driver: Driver) -> None:
    script.always("label", "p1", TryAgain("closed"))
    id = driver.start()
    driver.finish(id)
    assert driver.status(id) == State.FAILED
    tries = len(script.keys("label", "p1"))
    assert driver.journal(id)[1:3] == [("label", "do", "failed", tries), ("label", "undo", "done", 1)]
    assert failures(id) == [(1, "do", "closed")] * tries
    assert driver.job(id).error == {"code": "closed", "detail": "closed"}


def test_time_that_runs_out_past_the_pivot_asks_for_a_person(driver: Driver) -> None:
    script.always("tell", "p1", TryAgain("mail_down"))
    id = driver.start()
    driver.finish(id)
    assert driver.status(id) == State.NEEDS_ATTENTION
    assert driver.journal(id)[3][:3] == ("tell", "do", "failed")
    assert driver.effects(id) == ["pack", "label", "hand_over"]


def test_a_local_step_may_be_tried_again(driver: Driver) -> None:
    script.say("pack", "p1", TryAgain("no_box"))
    id = driver.start()
    driver.finish(id)
    assert driver.status(id) == State.SUCCEEDED
    assert driver.journal(id)[0] == ("pack", "do", "done", 2)
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


# --- unknown -------------------------------------------------------------------------------------


def test_an_unknown_outcome_is_asked_again_with_the_same_key(driver: Driver) -> None:
    script.say("label", "p1", Unknown("timeout"), Unknown("timeout"))
    id = driver.start()
    driver.finish(id)
    assert script.keys("label", "p1") == [f"{id}:label"] * 3
    assert carrier.acted[f"{id}:label"] == 1
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_step_begun_but_unknown_to_the_end_is_undone(driver: Driver) -> None:
    script.always("label", "p1", Unknown("timeout"))
    id = driver.start()
    driver.finish(id)
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert driver.job(id).error == {"code": "timeout", "detail": "timeout"}


# --- the database's own trouble ---------------------------------------------------------------------


@pytest.mark.parametrize("step", ["pack", "fetch:label", "hand_over"])
def test_the_databases_trouble_leaves_everything_as_it_was(driver: Driver, step: str) -> None:
    ids = driver.start_wave("p1", "p2")
    while not driver.mail[0].task.endswith(step.removeprefix("fetch:")):
        driver.deliver()
    message = driver.mail[0]
    before = driver.state_of_everything()
    script.say(step, "p2", Raise(OperationalError("SELECT 1", {}, Exception("disk full"))))
    with pytest.raises(OperationalError):
        driver.deliver()
    assert driver.state_of_everything() == before
    driver.mail = [message]
    driver.drain()
    assert [driver.effects(id) for id in ids] == [["pack", "label", "hand_over", "tell"]] * 2
    assert failures(ids[0]) == failures(ids[1]) == []


def test_an_answer_the_database_could_not_take_is_kept_until_it_can_and_nobody_is_asked_again(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    script.say("remember:label", "p1", OperationalError("INSERT", {}, Exception("disk full")))
    driver.deliver()
    wait_until(lambda: driver.journal(id)[1] == ("label", "do", "done", 1), what="the answer to be recorded")
    driver.finish(id)
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert script.keys("label", "p1") == [f"{id}:label"]
    assert carrier.acted[f"{id}:label"] == 1
