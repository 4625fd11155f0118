"""Undo: everything begun, newest first, far more patiently than a do; and what an operator can do when it fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import engine
from engine import NotPossible, State
from engine.outcomes import Refused, TryAgain, Unknown
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, script

CAUSE = {"code": "no_van", "detail": "no van"}


def failing(driver: Driver, **lines: object) -> str:
    """A run that is refused before its pivot, with these steps failing for ever."""
    script.say("hand_over", "p1", Refused("no_van"))
    for step, line in lines.items():
        script.always(step, "p1", line)
    id = driver.start()
    driver.finish(id)
    return id


def stuck(driver: Driver, line: object = None) -> str:
    """Past the pivot the owner cannot be told."""
    script.always("tell", "p1", line or Refused("no_mailbox"))
    id = driver.start()
    driver.finish(id)
    assert driver.status(id) == State.NEEDS_ATTENTION
    return id


def test_a_failing_undo_is_tried_for_two_days_then_a_person_is_asked(driver: Driver) -> None:
    id = failing(driver, unlabel=Unknown("carrier_down", "no answer"))
    job = driver.job(id)
    assert job.status == State.NEEDS_ATTENTION
    tries = driver.journal(id)[-1]
    assert tries[:3] == ("label", "undo", "failed")
    assert 48 <= tries[3] <= 60  # one an hour in the end
    assert job.error == {
        "code": "carrier_down",
        "detail": "no answer",
        "step": "label",
        "direction": "undo",
        "cause": CAUSE,
    }
    assert driver.effects(id) == ["pack", "label"]
    assert set(script.keys("unlabel", "p1")) == {f"{id}:label:undo"}
    assert [step.name for step in job.steps if step.status == "pending"] == ["pack"]


def test_an_undo_that_fails_for_a_while_ends_well_and_the_cause_stays(driver: Driver) -> None:
    script.say("unlabel", "p1", TryAgain("down"), Unknown("down"), ValueError("oops"), TryAgain("down"))
    id = failing(driver)
    assert driver.status(id) == State.FAILED
    assert driver.journal(id)[3] == ("label", "undo", "done", 5)
    assert driver.job(id).error == CAUSE
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]


@pytest.mark.parametrize("step", ["unpack", "unlabel"])
def test_an_undo_that_is_refused_asks_for_a_person_at_once(driver: Driver, step: str) -> None:
    id = failing(driver, **{step: Refused("glued", "the box is glued")})
    job = driver.job(id)
    assert job.status == State.NEEDS_ATTENTION
    assert job.error is not None
    assert (job.error["code"], job.error["cause"]) == ("glued", CAUSE)
    assert driver.journal(id)[-1][2:] == ("refused", 1)
    assert "returned" not in driver.effects(id)


def test_an_undo_that_breaks_is_tried_again(driver: Driver) -> None:
    script.say("unpack", "p1", Raise(ValueError("oops")), Raise(ValueError("oops")))
    id = failing(driver)
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]


def test_undo_is_done_once_however_often_its_message_comes(driver: Driver) -> None:
    script.say("hand_over", "p1", Refused("no_van"))
    id = driver.start()
    while driver.mail:
        message = driver.mail.pop(0)
        for _ in range(3):
            driver.deliver(message)
        driver.mail = list(dict.fromkeys(driver.mail))
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]


# --- retry ---------------------------------------------------------------------------------------


def test_retry_after_a_refusal_has_a_new_key_and_ends_with_the_first_cause(driver: Driver) -> None:
    script.say("unlabel", "p1", Refused("glued"))
    id = failing(driver)
    driver.ask(engine.retry, id, by="ada")
    assert driver.status(id) == State.COMPENSATING
    assert driver.job(id).error == CAUSE
    assert driver.job(id).finished_at is None
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CAUSE
    assert script.keys("unlabel", "p1") == [f"{id}:label:undo", f"{id}:label:undo:1"]
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]


def test_each_refusal_that_is_overridden_has_a_key_of_its_own(driver: Driver) -> None:
    script.say("tell", "p1", Refused("full"), Refused("full"))
    id = driver.start()
    driver.drain()
    for _ in range(2):
        driver.ask(engine.retry, id, by="ada")
        driver.drain()
    assert script.keys("tell", "p1") == [f"{id}:tell", f"{id}:tell:1", f"{id}:tell:2"]
    assert driver.status(id) == State.SUCCEEDED
    assert driver.job(id).error is None


def test_retry_after_an_exhausted_unknown_keeps_the_key(driver: Driver) -> None:
    id = stuck(driver, Unknown("timeout"))
    script.always("tell", "p1", None)
    driver.ask(engine.retry, id, by="ada")
    driver.drain()
    assert set(script.keys("tell", "p1")) == {f"{id}:tell"}
    assert driver.status(id) == State.SUCCEEDED
    assert driver.journal(id)[-1][:3] == ("tell", "do", "done")


def test_retry_has_all_its_time_again(driver: Driver) -> None:
    id = stuck(driver, TryAgain("mail_down"))
    tries = driver.journal(id)[-1][3]
    driver.ask(engine.retry, id, by="ada")
    driver.drain()
    assert driver.status(id) == State.RUNNING
    driver.finish(id)
    assert driver.status(id) == State.NEEDS_ATTENTION
    assert driver.journal(id)[-1] == ("tell", "do", "failed", 2 * tries)


def test_retry_of_an_undo_that_fails_again_keeps_the_first_cause(driver: Driver) -> None:
    id = failing(driver, unlabel=Refused("glued"))
    driver.ask(engine.retry, id, by="ada")
    driver.drain()
    job = driver.job(id)
    assert job.status == State.NEEDS_ATTENTION
    assert job.error is not None
    assert (job.error["code"], job.error["cause"]) == ("glued", CAUSE)


# --- skip ----------------------------------------------------------------------------------------


def test_skip_takes_an_undo_as_settled_by_hand(driver: Driver) -> None:
    id = failing(driver, unlabel=Refused("glued"))
    driver.ask(engine.skip, id, by="ada", note="scraped it off")
    assert driver.status(id) == State.COMPENSATING
    assert driver.job(id).finished_at is None
    driver.drain()
    job = driver.job(id)
    assert job.status == State.FAILED
    assert job.error == CAUSE
    assert job.steps[3].status == "skipped"
    assert job.steps[3].output == {"skipped_by": "ada", "note": "scraped it off"}
    assert driver.effects(id) == ["pack", "label", "unpack", "returned"]


def test_skip_of_the_last_undo_ends_the_run(driver: Driver) -> None:
    id = failing(driver, unpack=Refused("glued"))
    driver.ask(engine.skip, id, by="ada", note="cut it open")
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == CAUSE
    assert driver.effects(id) == ["pack", "label", "unlabel", "returned"]
    assert driver.mail == []


def test_skip_of_the_last_step_is_a_success(driver: Driver) -> None:
    id = stuck(driver)
    driver.ask(engine.skip, id, by="ada", note="telephoned")
    job = driver.job(id)
    assert job.status == State.SUCCEEDED
    assert job.error is None
    assert job.finished_at is not None
    assert job.steps[3].output == {"skipped_by": "ada", "note": "telephoned"}
    assert driver.effects(id) == ["pack", "label", "hand_over"]


# --- give back -----------------------------------------------------------------------------------


def test_give_back_undoes_what_was_begun(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed", after=3600.0))
    id = driver.start()
    driver.drain()
    driver.ask(engine.give_back, id, by="ada")
    assert driver.status(id) == State.COMPENSATING
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.job(id).error == {"code": "compensated", "detail": "turned back on request"}
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]


def test_give_back_before_anything_has_begun_fails_the_run_here_and_now(driver: Driver) -> None:
    id = driver.start()
    driver.ask(engine.give_back, id, by="ada")
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["returned"]
    driver.drain()
    assert driver.effects(id) == ["returned"]


def test_give_back_in_call_waits_for_the_answer(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    script.say("label", "p1", lambda: driver.ask(engine.give_back, id, by="ada"))
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "unlabel", "unpack", "returned"]


# --- what is not possible ---------------------------------------------------------------------------


def retry(driver: Driver, id: str) -> None:
    driver.ask(engine.retry, id, by="ada")


def skip(driver: Driver, id: str) -> None:
    driver.ask(engine.skip, id, by="ada", note="no")


def give_back(driver: Driver, id: str) -> None:
    driver.ask(engine.give_back, id, by="ada")


def queued(driver: Driver) -> str:
    return driver.start()


def running(driver: Driver) -> str:
    id = driver.start()
    driver.deliver()
    return id


def past_the_pivot(driver: Driver) -> str:
    id = driver.start()
    for _ in range(3):
        driver.deliver()
    return id


def compensating(driver: Driver) -> str:
    script.say("hand_over", "p1", Refused("no_van"))
    return past_the_pivot(driver)


def succeeded(driver: Driver) -> str:
    id = driver.start()
    driver.drain()
    return id


def undoing_failed(driver: Driver) -> str:
    return failing(driver, unpack=Refused("glued"))


NOT_POSSIBLE = [
    *[(verb, made, "not_needing_attention") for verb in (retry, skip) for made in (queued, running, past_the_pivot)],
    *[(verb, made, "not_needing_attention") for verb in (retry, skip) for made in (compensating, succeeded, failing)],
    (give_back, past_the_pivot, "past_the_pivot"),
    (give_back, stuck, "past_the_pivot"),
    (give_back, compensating, "not_going_forward"),
    (give_back, undoing_failed, "not_going_forward"),
    (give_back, succeeded, "not_going_forward"),
    (give_back, failing, "not_going_forward"),
]


@pytest.mark.parametrize(("verb", "made", "code"), NOT_POSSIBLE)
def test_what_is_not_possible_changes_nothing(
    driver: Driver, verb: Callable[[Driver, str], None], made: Callable[[Driver], str], code: str
) -> None:
    id = made(driver)
    before, sent = driver.state_of_everything(), len(driver.sent)
    with pytest.raises(NotPossible) as no:
        verb(driver, id)
    assert no.value.code == code
    assert driver.state_of_everything() == before
    assert len(driver.sent) == sent


@pytest.mark.parametrize("verb", [retry, skip, give_back])
@pytest.mark.parametrize("id", ["01a20716-c1f8-7d97-ac0d-7aea55823f40", "nonsense", ""])
def test_a_run_that_nobody_knows_cannot_be_helped(driver: Driver, verb: Callable[[Driver, str], None], id: str) -> None:
    with pytest.raises(NotPossible) as no:
        verb(driver, id)
    assert no.value.code == "not_found"
