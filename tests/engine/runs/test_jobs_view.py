"""What a client is told of a run, and that the tag changes whenever it does."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

import db
import engine
from engine import NotPossible, jobs
from engine.outcomes import Refused, TryAgain, Unknown, Wait
from engine.sweep import sweep
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, script

NOBODY = "01a20716-c1f8-7d97-ac0d-7aea55823f40"


def shown(driver: Driver, id: str) -> list[tuple[str, str, str]]:
    return [(step.name, step.direction, step.status) for step in driver.job(id).steps]


def test_steps_stand_as_planned_then_the_undos_newest_first_then_what_lies_ahead(driver: Driver) -> None:
    script.say("hand_over", "p1", Refused("no_van"))
    id = driver.start()
    driver.deliver()
    assert shown(driver, id) == [
        ("pack", "do", "done"),
        ("label", "do", "pending"),
        ("hand_over", "do", "pending"),
        ("tell", "do", "pending"),
    ]
    driver.deliver()
    driver.deliver()
    done = [("pack", "do", "done"), ("label", "do", "done"), ("hand_over", "do", "refused")]
    assert shown(driver, id) == [*done, ("label", "undo", "pending"), ("pack", "undo", "pending")]
    driver.deliver()
    assert shown(driver, id) == [*done, ("label", "undo", "done"), ("pack", "undo", "pending")]
    driver.drain()
    assert shown(driver, id) == [*done, ("label", "undo", "done"), ("pack", "undo", "done")]


def test_next_attempt_is_told_of_a_step_in_backoff_and_of_no_other(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed", after=90.0))
    id = driver.start()
    driver.drain()
    pack, label, *ahead = driver.job(id).steps
    assert label.next_attempt_at is not None
    assert label.started_at is not None
    assert timedelta(seconds=89) < label.next_attempt_at - label.started_at < timedelta(seconds=92)
    assert [step.next_attempt_at for step in (pack, *ahead)] == [None, None, None]
    driver.sweep_after(91)
    assert [step.next_attempt_at for step in driver.job(id).steps] == [None] * 4


def test_times_are_aware_and_in_order(driver: Driver) -> None:
    id = driver.start()
    driver.drain()
    job = driver.job(id)
    times = [job.created_at, *[at for step in job.steps for at in (step.started_at, step.finished_at)]]
    assert all(at is not None and at.tzinfo is not None for at in times)
    assert times == sorted(times, key=lambda at: at or job.created_at)
    assert job.finished_at is not None
    assert job.final


def test_a_job_nobody_knows_is_none(driver: Driver) -> None:
    driver.start()
    with db.reading() as session:
        for id in (NOBODY, "nonsense", ""):
            assert jobs.get(session, id) is None
            assert jobs.tag(session, id) is None


def test_what_was_just_changed_is_read_in_the_same_transaction(driver: Driver) -> None:
    with db.transaction() as session:
        id = engine.start(session, driver_workflow(), key="k", subject=("parcel", "p1")).id
        fresh = jobs.get(session, id)
        engine.cancel(session, id)
        cancelled = jobs.get(session, id)
        engine.give_back(session, id, by="ada")
        ended = jobs.get(session, id)
    assert fresh is not None
    assert cancelled is not None
    assert ended is not None
    assert [job.cancel_requested for job in (fresh, cancelled, ended)] == [False, True, True]
    assert [job.status for job in (fresh, cancelled, ended)] == ["queued", "queued", "failed"]
    assert len({job.tag for job in (fresh, cancelled, ended)}) == 3


def driver_workflow() -> engine.Workflow:
    return engine.workflows["send_parcel"]


def test_lists_are_newest_first_from_below_an_id_and_by_state(driver: Driver) -> None:
    script.say("pack", "p1", Refused("too_big"))
    ids = [driver.start(f"p{n}") for n in range(5)]
    driver.drain()
    with db.reading() as session:
        assert [job.id for job in jobs.newest(session, limit=2)] == [ids[4], ids[3]]
        assert [job.id for job in jobs.newest(session, limit=2, before=ids[3])] == [ids[2], ids[1]]
        assert [job.id for job in jobs.newest(session, limit=9, status="failed")] == [ids[1]]
        assert jobs.newest(session, limit=9, workflow="another") == []
        assert [job.id for job in jobs.about(session, ("parcel", "p2"))] == [ids[2]]
        assert jobs.about(session, ("order", "p2")) == []


# --- the tag -------------------------------------------------------------------------------------


def moves(driver: Driver, id: str, chance: random.Random) -> None:
    """One thing that can happen to a run."""
    kinds: list[Callable[[], object]] = [
        lambda: driver.mail and driver.deliver(driver.mail.pop(chance.randrange(len(driver.mail)))),
        lambda: driver.sent and driver.deliver(replace(chance.choice(driver.sent))),
        driver.lose_all,
        sweep,
        lambda: driver.ask(engine.wake, [id]),
        lambda: driver.ask(engine.cancel, id),
        lambda: driver.ask(engine.retry, id, by="ada"),
        lambda: driver.ask(engine.skip, id, by="ada", note="by hand"),
        lambda: chance.random() < 0.2 and driver.ask(engine.give_back, id, by="ada"),
    ]
    with suppress(NotPossible):
        chance.choices(kinds, weights=[5, *[1] * 8])[0]()


def lines(chance: random.Random) -> list[Any]:
    known = [None, {"a": 1}, Refused("no"), TryAgain("later"), Unknown("lost"), Wait("asleep", seconds=50.0)]
    return chance.choices([*known, None, None, None], k=6)


@pytest.mark.parametrize("seed", range(6))
def test_the_tag_changes_whenever_the_view_does(driver: Driver, seed: int) -> None:
    chance = random.Random(seed)
    for step in ("pack", "label", "hand_over", "tell", "unpack", "unlabel"):
        script.say(step, "p1", *lines(chance))
    script.say("fetch:label", "p1", None, Raise(ValueError("oops")))
    id = driver.start()
    changes = 0
    for _ in range(40):
        before, tag = driver.job(id), driver.job(id).tag
        moves(driver, id, chance)
        after = driver.job(id)
        if asdict(after) != asdict(before):
            changes += 1
            assert after.tag != tag, (before, after)
        with db.reading() as session:
            assert jobs.tag(session, id) == after.tag
        assert jobs.is_final(after.tag) == after.final
        driver.pass_time(chance.choice([0, 1, 6, 60, 3600]))
        driver.return_probes()
    assert changes >= 2
