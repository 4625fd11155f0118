"""Waiting for somebody else: until woken or until the deadline, and never longer."""

from __future__ import annotations

from datetime import timedelta

import db
import engine
from engine import State, Step, Workflow, workflows
from engine.outcomes import TryAgain, Wait
from tests.engine.driver import Driver
from tests.engine.parcels import label, pack, returned, script, unlabel, unpack


def signature(seconds: float = 900.0) -> Wait:
    return Wait("not_signed", "nobody signed", seconds=seconds, output={"sign_at": "https://carrier/1"})


def waiting(driver: Driver, *lines: object) -> str:
    script.say("label", "p1", *lines)
    id = driver.start()
    driver.drain()
    return id


def rest(driver: Driver, id: str) -> float:
    """Seconds from the last change until the sweep looks at it."""
    row = driver.row(id)
    assert row.due_at is not None
    return (row.due_at - row.sent_at) / timedelta(seconds=1)


def test_a_waiting_run_rests_and_shows_what_it_waits_for(driver: Driver) -> None:
    id = waiting(driver, signature())
    job = driver.job(id)
    assert job.status == State.WAITING
    assert driver.journal(id)[1] == ("label", "do", "waiting", 1)
    assert job.steps[1].output == {"sign_at": "https://carrier/1"}
    assert 899 <= rest(driver, id) <= 901
    assert driver.mail == []
    assert driver.sweep_after(800) == 0


def test_what_comes_before_the_deadline_wakes_it(driver: Driver) -> None:
    id = waiting(driver, signature())
    driver.ask(engine.wake, [id])
    assert driver.status(id) == State.RUNNING
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert driver.journal(id)[1] == ("label", "do", "done", 2)
    assert script.keys("label", "p1") == [f"{id}:label"] * 2


def test_woken_twice_it_goes_on_once(driver: Driver) -> None:
    id = waiting(driver, signature())
    driver.ask(engine.wake, [id])
    driver.ask(engine.wake, [id])
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_wake_that_is_rolled_back_wakes_nobody(driver: Driver) -> None:
    id = waiting(driver, signature())
    sent = len(driver.sent)
    with db.reading() as session:
        pass
    session = db.Session(db.engine())
    engine.wake(session, [id])
    session.rollback()
    session.commit()
    session.close()
    assert driver.status(id) == State.WAITING
    assert len(driver.sent) == sent


def test_at_the_deadline_the_step_is_asked_one_last_time(driver: Driver) -> None:
    id = waiting(driver, signature())
    assert driver.sweep_after(901) == 1
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_past_the_deadline_a_wait_is_a_refusal(driver: Driver) -> None:
    id = waiting(driver, signature(), signature())
    driver.sweep_after(901)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == {"code": "not_signed", "detail": "nobody signed"}
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert len(script.keys("label", "p1")) == 2


def test_a_second_wait_does_not_extend_the_deadline(driver: Driver) -> None:
    id = waiting(driver, signature(), signature(), signature())
    driver.pass_time(800)
    driver.ask(engine.wake, [id])
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 98 <= rest(driver, id) <= 101
    assert driver.sweep_after(102) == 1
    driver.drain()
    assert driver.status(id) == State.FAILED


def test_a_shorter_second_wait_is_asked_sooner_and_not_refused_sooner(driver: Driver) -> None:
    id = waiting(driver, signature(900), signature(5), signature(900), None)
    driver.pass_time(100)
    driver.ask(engine.wake, [id])
    driver.drain()
    assert 3 <= rest(driver, id) <= 5.1
    driver.sweep_after(6)
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 790 <= rest(driver, id) <= 795


def test_a_nudge_during_the_call_counts_at_once(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()

    def signed_already() -> Wait:
        driver.ask(engine.wake, [id])
        return signature()

    script.say("label", "p1", signed_already)
    driver.deliver()
    assert driver.status(id) == State.RUNNING
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert len(script.keys("label", "p1")) == 2


def test_a_nudge_counts_for_one_wait_only(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()

    def signed_already() -> Wait:
        driver.ask(engine.wake, [id])
        return signature()

    script.say("label", "p1", signed_already, signature())
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 890 <= rest(driver, id) <= 901


def test_waking_a_run_that_does_not_wait_changes_nothing(driver: Driver) -> None:
    queued = driver.start("p1")
    ended = driver.start("p2")
    for _ in range(4):
        driver.deliver(driver.mail.pop())
    before = driver.state_of_everything()
    sent = len(driver.sent)
    driver.ask(engine.wake, [queued, ended, "nonsense"])
    assert driver.state_of_everything() == before
    assert len(driver.sent) == sent


def test_a_wake_whose_message_is_lost_is_mended_by_the_sweep(driver: Driver) -> None:
    id = waiting(driver, signature())
    driver.ask(engine.wake, [id])
    driver.lose_all()
    driver.finish(id)
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_failure_after_the_wake_is_tried_again_and_the_deadline_stays(driver: Driver) -> None:
    id = waiting(driver, signature(900), TryAgain("closed"), signature(900))
    driver.pass_time(600)
    driver.ask(engine.wake, [id])
    driver.drain()
    driver.sweep_after(51)
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 240 <= rest(driver, id) <= 250


def test_a_local_step_may_wait(driver: Driver) -> None:
    script.say("pack", "p1", signature())
    id = driver.start()
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert driver.effects(id) == []
    driver.ask(engine.wake, [id])
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_wait_of_one_step_is_not_the_deadline_of_the_next(driver: Driver) -> None:
    script.say("pack", "p1", signature(10))
    script.say("label", "p1", signature(900))
    id = driver.start()
    driver.drain()
    driver.sweep_after(11)
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 899 <= rest(driver, id) <= 901


def test_an_operators_retry_may_wait_anew(driver: Driver) -> None:
    script.always("tell", "p1", signature(60))
    id = driver.start()
    driver.drain()
    driver.sweep_after(61)
    driver.drain()
    assert driver.status(id) == State.NEEDS_ATTENTION
    driver.ask(engine.retry, id, by="ada")
    driver.drain()
    assert driver.status(id) == State.WAITING
    assert 59 <= rest(driver, id) <= 61


# --- the deadline of the whole run -------------------------------------------------------------------


def hurried(seconds: float) -> Workflow:
    made = Workflow(
        "hurried",
        Step("pack", do=pack, undo=unpack),
        Step("label", do=label, undo=unlabel),
        on_failed=returned,
        deadline=seconds,
    )
    del workflows["hurried"]
    return made


def test_past_its_deadline_a_run_turns_back_at_its_next_claim(driver: Driver) -> None:
    id = driver.start(workflow=hurried(60))
    driver.deliver()
    driver.pass_time(61)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == {"code": "deadline_exceeded", "detail": "it took longer than it may"}
    assert driver.effects(id) == ["pack", "unpack", "returned"]
    assert script.keys("label", "p1") == []


def test_a_run_that_waits_turns_back_at_the_deadline_of_the_run(driver: Driver) -> None:
    script.always("label", "p1", signature(900))
    id = driver.start(workflow=hurried(60))
    driver.drain()
    assert driver.status(id) == State.WAITING
    driver.sweep_after(61)
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == {"code": "deadline_exceeded", "detail": "it took longer than it may"}
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


def test_a_run_in_time_does_not_mind_its_deadline(driver: Driver) -> None:
    id = driver.start(workflow=hurried(60))
    driver.pass_time(59)
    driver.drain()
    assert driver.status(id) == State.SUCCEEDED
