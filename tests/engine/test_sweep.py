"""The sweep finds whatever is due and sends it; two of them at once do no more than one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update

import db
from engine import State, Step, Workflow, backlog_probe, local, workflows
from engine.limits import LONGEST_SEARCH, MOST_CLAIMS, PATIENCE, PROBE, SLACK, WAVE
from engine.outcomes import Refused, TryAgain
from engine.steps import StepTask
from engine.sweep import sweep
from engine.tables import RunRow
from tests.engine.driver import Driver
from tests.engine.parcels import label, pack, script

QUEUE = "orderwave-test.parcels"
GOOD = ["pack", "label", "hand_over", "tell"]


def lose(driver: Driver) -> None:
    """What is under way is gone, and the probe that finds it out comes back."""
    driver.lose_all()
    driver.sweep_after(PATIENCE + SLACK)
    driver.return_probes()


def start_many(driver: Driver, count: int) -> list[str]:
    return driver.start_wave(*[f"p{n}" for n in range(count)])


# --- what was never sent, or got lost ----------------------------------------------------------------


def test_nothing_due_means_nothing_is_sent(driver: Driver) -> None:
    driver.start()
    before = driver.state_of_everything()
    assert sweep() == 0
    assert driver.state_of_everything() == before
    assert len(driver.sent) == 1
    assert driver.probes == []


def test_a_first_dispatch_that_never_left_is_sent_by_the_sweep(driver: Driver) -> None:
    driver.broken = True
    id = driver.start()
    driver.broken = False
    assert driver.sent == []
    driver.finish(id)
    assert driver.effects(id) == GOOD
    assert len(driver.sent) == 1


def test_an_overdue_run_is_first_asked_after_and_not_sent_again(driver: Driver) -> None:
    id = driver.start()
    assert driver.sweep_after(PATIENCE + 1) == 0
    assert len(driver.sent) == 1
    assert [queue for queue, _ in driver.probes] == [QUEUE]
    assert driver.row(id).losses == 0


def test_when_the_probe_comes_back_what_is_really_lost_is_sent_again(driver: Driver) -> None:
    lost = driver.start("p1")
    lose(driver)
    behind = driver.start("p2")  # sent after the probe: nothing is known of it
    driver.pass_time(PATIENCE + 1)
    driver.sent.clear()
    assert sweep() == 1
    assert [message.ids for message in driver.sent] == [(lost,)]
    assert driver.row(lost).losses == 1
    assert driver.row(behind).losses == 0


def test_what_left_just_before_the_probe_is_given_the_benefit_of_the_doubt(driver: Driver) -> None:
    """Between the commit that says sent and the message that really leaves lies a moment."""
    first = driver.start("p1")
    driver.pass_time(PATIENCE)
    second = driver.start("p2")
    driver.pass_time(SLACK / 2)
    driver.lose_all()
    assert sweep() == 0
    driver.return_probes()
    driver.sent.clear()
    driver.sweep_after(PATIENCE)
    assert [message.ids for message in driver.sent] == [(first,)]
    assert driver.row(second).losses == 0


def test_while_the_probe_is_under_way_no_other_follows(driver: Driver) -> None:
    driver.start()
    driver.sweep_after(PATIENCE)
    driver.sweep_after(PATIENCE)
    assert len(driver.probes) == 1


def test_a_probe_that_is_lost_is_followed_by_another(driver: Driver) -> None:
    id = driver.start()
    driver.lose_all()
    driver.sweep_after(PATIENCE + SLACK)
    driver.probes.clear()
    driver.sweep_after(PROBE + 1)
    assert len(driver.probes) == 1
    driver.return_probes()
    driver.sweep_after(2 * PROBE)
    driver.drain()
    assert driver.effects(id) == GOOD


def test_an_old_probe_that_comes_late_does_not_turn_time_back(driver: Driver) -> None:
    driver.start()
    driver.sweep_after(PATIENCE + SLACK)
    old = driver.probes.copy()
    driver.return_probes()
    driver.start("p2")
    driver.sweep_after(PATIENCE + SLACK)
    driver.return_probes()
    reached = driver.ask(backlog_probe.reached)
    driver.probes = old
    driver.return_probes()
    assert driver.ask(backlog_probe.reached) == reached
    assert list(reached) == [QUEUE]


def test_a_tail_that_is_lost_is_sent_from_where_its_runs_stand(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.deliver()
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert driver.sent[-1].tasks == ("parcels.hand_over", "parcels.tell")
    driver.drain()
    assert driver.effects(id) == GOOD


def test_the_message_that_was_thought_lost_does_no_harm_when_it_comes(driver: Driver) -> None:
    id = driver.start()
    late = driver.mail[0]
    lose(driver)
    driver.sweep_after(PATIENCE)
    driver.drain()
    driver.deliver(late)
    driver.drain()
    assert driver.effects(id) == GOOD


# --- losses --------------------------------------------------------------------------------------


def test_losses_are_counted_and_forgotten_when_the_run_gets_on(driver: Driver) -> None:
    id = driver.start()
    for lost in (1, 2, 3):
        lose(driver)
        driver.sweep_after(PATIENCE)
        assert driver.row(id).losses == lost
    driver.deliver()
    assert driver.row(id).losses == 0


def test_runs_lost_before_travel_alone(driver: Driver) -> None:
    ids = start_many(driver, 3)
    lose(driver)
    driver.sent.clear()
    driver.sweep_after(PATIENCE)
    assert [message.ids for message in driver.sent] == [tuple(ids)]  # once may be anybody's fault
    lose(driver)
    driver.sent.clear()
    driver.sweep_after(PATIENCE)
    assert sorted(message.ids for message in driver.sent) == sorted((id,) for id in ids)


def test_a_backoff_that_runs_out_after_a_loss_is_sent_too(driver: Driver) -> None:
    id = driver.start()
    driver.change(id, hold="backoff", losses=2)
    driver.lose_all()
    assert driver.sweep_after(PATIENCE + 1) == 1
    assert driver.sent[-1].ids == (id,)
    assert driver.row(id).losses == 2


def test_what_no_worker_ever_took_is_never_given_up_only_looked_for_less_often(driver: Driver) -> None:
    """Its messages are lost, all of them: that says nothing about the run."""
    id = driver.start()
    for _ in range(3 * MOST_CLAIMS):
        driver.lose_all()
        driver.sweep_after(LONGEST_SEARCH + SLACK)
        driver.return_probes()
        driver.sweep_after(LONGEST_SEARCH + SLACK)
    assert driver.row(id).losses > 2 * MOST_CLAIMS
    assert driver.row(id).claims == 0
    assert driver.status(id) == State.QUEUED
    driver.drain()
    assert driver.effects(id) == GOOD


def test_the_longer_it_gets_lost_the_longer_is_the_time_between_two_looks(driver: Driver) -> None:
    id = driver.start()
    for losses, pause in ((0, PATIENCE), (5, 30), (9, 120), (40, LONGEST_SEARCH)):
        driver.change(id, losses=losses)
        lose(driver)
        driver.sweep_after(PATIENCE)
        assert driver.due_in(id) == pytest.approx(pause, abs=2)
        driver.pass_time(LONGEST_SEARCH)


def test_taken_by_too_many_workers_that_died_before_the_pivot_it_is_turned_back(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.change(id, losses=3, claims=MOST_CLAIMS)
    lose(driver)
    driver.sweep_after(PATIENCE)
    job = driver.job(id)
    assert job.status == State.COMPENSATING
    assert job.error == {
        "code": "worker_lost",
        "detail": "the worker was lost at this step again and again",
    }
    driver.drain()
    assert driver.effects(id) == ["pack", "unlabel", "unpack", "returned"]
    assert script.keys("label", "p1") == []


def test_its_undo_begins_with_a_clean_slate(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.change(id, losses=3, claims=MOST_CLAIMS)
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert (driver.row(id).losses, driver.row(id).claims) == (0, 0)
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert driver.status(id) == State.COMPENSATING
    assert (driver.row(id).losses, driver.row(id).claims) == (1, 0)


def test_taken_by_too_many_past_the_pivot_a_person_is_asked(driver: Driver) -> None:
    id = driver.start()
    for _ in range(3):
        driver.deliver()
    driver.change(id, claims=MOST_CLAIMS)
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert driver.status(id) == State.NEEDS_ATTENTION
    assert driver.effects(id) == ["pack", "label", "hand_over"]


def refused_at_the_door(driver: Driver) -> str:
    """A run that stands before the undo of its label, which is made outside."""
    script.say("hand_over", "p1", Refused("no_van"))
    id = driver.start()
    for _ in range(3):
        driver.deliver()
    return id


def test_the_undo_of_what_was_done_outside_is_never_given_up(driver: Driver) -> None:
    id = refused_at_the_door(driver)
    driver.change(id, losses=40, claims=3 * MOST_CLAIMS)
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert driver.status(id) == State.COMPENSATING
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert script.keys("unlabel", "p1") == [f"{id}:label:undo"]


def test_taken_by_too_many_in_an_undo_of_ours_a_person_is_asked_and_the_cause_is_kept(driver: Driver) -> None:
    id = refused_at_the_door(driver)
    driver.deliver()
    driver.change(id, claims=MOST_CLAIMS)
    lose(driver)
    driver.sweep_after(PATIENCE)
    job = driver.job(id)
    assert job.status == State.NEEDS_ATTENTION
    assert job.error is not None
    assert job.error["cause"]["code"] == "no_van"


class Died(BaseException):
    """As by kill -9."""


def test_a_run_that_kills_every_worker_ends(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes its message dies of it, at its first step; nobody acts."""

    def die(step: StepTask, ids: object) -> bool:
        raise Died

    id = driver.start()
    with monkeypatch.context() as poisoned:
        poisoned.setattr(local, "work", die)
        while driver.row(id).direction == "do":
            for message in driver.mail:
                with pytest.raises(Died):
                    driver.deliver(message)
            driver.lose_all()
            driver.sweep_after(LONGEST_SEARCH + SLACK)
            driver.return_probes()
            sweep()
    assert driver.row(id).claims == 0
    driver.drain()
    assert driver.status(id) == State.FAILED
    assert driver.effects(id) == ["unpack", "returned"]


def test_what_is_sent_for_the_first_time_is_not_counted_when_it_is_taken(driver: Driver) -> None:
    id = driver.start()
    lost = driver.mail[0]
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert [message.suspect for message in driver.sent] == [False, False]  # once may be anybody's fault
    lose(driver)
    driver.sweep_after(PATIENCE)
    assert driver.sent[-1].suspect
    driver.deliver(lost)
    assert driver.row(id).step == 1
    driver.deliver(driver.sent[-1])  # an echo takes nothing, and counts for nothing
    assert driver.row(id).claims == 0


# --- waves ---------------------------------------------------------------------------------------


def test_what_is_due_together_travels_in_waves_of_at_most_64(driver: Driver) -> None:
    start_many(driver, 150)
    lose(driver)
    driver.sent.clear()
    assert driver.sweep_after(PATIENCE) == 150
    assert sorted(len(message.ids) for message in driver.sent) == [22, 64, 64]
    assert WAVE == 64


def test_only_runs_at_the_same_place_of_the_same_plan_share_a_wave(driver: Driver) -> None:
    other = Workflow("other", Step("pack", do=pack), Step("label", do=label))
    del workflows["other"]
    at_pack = start_many(driver, 2)
    at_label = driver.start_wave("q1", "q2")
    elsewhere = driver.start_wave("r1", workflow=other)
    driver.deliver(driver.mail[1])
    lose(driver)
    driver.sent.clear()
    driver.sweep_after(PATIENCE)
    assert {(message.tasks[0], len(message.tasks)): set(message.ids) for message in driver.sent} == {
        ("parcels.pack", 4): set(at_pack),
        ("parcels.label", 3): set(at_label),
        ("parcels.pack", 2): set(elsewhere),
    }


# --- trouble, and company ------------------------------------------------------------------------------


def test_a_broker_that_refuses_while_sweeping_loses_nothing(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed"))
    ids = start_many(driver, 3)
    driver.deliver()
    driver.deliver()
    driver.broken = True
    driver.lose_all()
    for _ in range(30):
        with pytest.raises(ConnectionRefusedError):
            driver.sweep_after(41)
    assert [driver.row(id).losses for id in ids] == [0, 0, 0]
    driver.broken = False
    driver.finish(*ids)
    assert [driver.effects(id) for id in ids] == [GOOD] * 3


def test_two_sweepers_at_once_send_each_run_once(driver: Driver) -> None:
    ids = start_many(driver, 300)
    with db.transaction() as session:
        session.execute(update(RunRow).values(hold="backoff"))
    driver.lose_all()
    driver.sent.clear()
    driver.pass_time(PATIENCE + 1)
    together = Barrier(4)

    def at_once(_: int) -> int:
        together.wait()
        return sweep()

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(at_once, range(4)))
    assert sum(counts) == 300
    assert sorted(id for message in driver.sent for id in message.ids) == sorted(ids)


def test_two_sweepers_at_once_send_one_probe(driver: Driver) -> None:
    start_many(driver, 10)
    driver.pass_time(PATIENCE + 1)
    together = Barrier(4)

    def at_once(_: int) -> int:
        together.wait()
        return sweep()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(at_once, range(4))) == [0, 0, 0, 0]
    assert len(driver.probes) == 1
