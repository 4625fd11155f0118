"""Doubled, late, reordered and foreign messages do no harm: a claim takes only what really stands there."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import db
from db.schema import new_id
from engine import Done, State
from engine.claim import claim
from engine.remote import Pending, record
from tests.engine.driver import Driver, Message
from tests.engine.parcels import carrier, label, script


def test_every_message_five_times_is_one_effect(driver: Driver) -> None:
    ids = driver.start_wave("p1", "p2")
    while driver.mail:
        message = driver.mail.pop(0)
        for _ in range(5):
            driver.deliver(message)
        driver.mail = list(dict.fromkeys(driver.mail))
    for id in ids:
        assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
        assert [attempts for *_, attempts in driver.journal(id)] == [1, 1, 1, 1]
        assert driver.status(id) == State.SUCCEEDED
    assert len(script.calls) == 4


def test_messages_in_any_order_are_one_effect_a_step(driver: Driver) -> None:
    ids = driver.start_wave(*[f"p{n}" for n in range(5)])
    tasks = ["pack", "label", "hand_over", "tell"] * 8
    random.Random(7).shuffle(tasks)
    for task in tasks:
        driver.deliver(Message((f"parcels.{task}",), tuple(ids)))
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}
    assert [driver.count(task) for task in ("pack", "label", "hand_over", "tell")] == [5, 5, 5, 5]
    assert len(script.calls) == 10


@pytest.mark.parametrize("task", ["parcels.label", "parcels.hand_over", "parcels.unpack", "parcels.unlabel"])
def test_a_message_for_a_step_the_run_is_not_at_changes_nothing(driver: Driver, task: str) -> None:
    id = driver.start()
    before = driver.state_of_everything()
    assert driver.deliver(Message((task, "parcels.tell"), (id,))) is None
    assert driver.state_of_everything() == before
    assert script.calls == []
    assert driver.effects(id) == []


def test_a_tail_that_comes_too_early_is_passed_over(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.deliver(Message(("parcels.hand_over", "parcels.tell"), (id,)))
    assert driver.effects(id) == ["pack"]
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_tail_that_comes_while_the_call_is_under_way_is_passed_over(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    tail = Message(("parcels.hand_over", "parcels.tell"), (id,))
    script.say("label", "p1", lambda: driver.deliver(tail) and None)
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_redelivered_message_brings_the_tail_that_the_dead_worker_did_not_send(driver: Driver) -> None:
    """It finds nothing to claim: the worker before it died between its commit and the next link."""
    id = driver.start()
    message = driver.mail[0]
    driver.deliver()
    driver.lose_all()
    assert driver.deliver(message, redelivered=True) == Message(message.tasks[1:], (id,))
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]


def test_a_doubled_message_that_finds_nothing_has_no_tail(driver: Driver) -> None:
    driver.start()
    message = driver.mail[0]
    driver.deliver()
    assert driver.deliver(message) is None


def test_a_doubled_message_while_the_call_is_under_way_calls_nobody(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    again = Message(("parcels.label",), (id,))
    script.say("label", "p1", lambda: driver.deliver(again) and None)
    driver.drain()
    assert script.keys("label", "p1") == [f"{id}:label"]
    assert driver.journal(id)[1] == ("label", "do", "done", 1)


def test_messages_for_runs_that_have_ended_change_nothing(driver: Driver) -> None:
    id = driver.start()
    driver.drain()
    before = driver.state_of_everything()
    for task in ("pack", "label", "hand_over", "tell", "unpack", "unlabel"):
        assert driver.deliver(Message((f"parcels.{task}",), (id,))) is None
    assert driver.state_of_everything() == before


def test_ids_nobody_knows_are_passed_over(driver: Driver) -> None:
    id = driver.start()
    driver.deliver(Message(("parcels.pack",), (new_id(), id, new_id())))
    assert driver.effects(id) == ["pack"]
    assert driver.count("pack") == 1


@pytest.mark.parametrize("forged", ["", "1", "x' OR 1=1 --", "00000000-0000-0000-0000-00000000000g", "\x00", "é" * 999])
@pytest.mark.parametrize("task", ["parcels.pack", "parcels.label"])
def test_ids_that_are_none_hurt_nobody_beside_them(driver: Driver, task: str, forged: str) -> None:
    ids = driver.start_wave("p1", "p2")
    driver.lose_all()
    if task == "parcels.label":
        driver.deliver(Message(("parcels.pack",), tuple(ids)))
    driver.deliver(Message((task,), (ids[0], forged, ids[1])))
    assert [driver.journal(id)[-1] for id in ids] == [(task.split(".")[1], "do", "done", 1)] * 2


def test_an_empty_wave_changes_nothing(driver: Driver) -> None:
    id = driver.start()
    before = driver.state_of_everything()
    for task in ("parcels.pack", "parcels.label"):
        assert driver.deliver(Message((task,), ())) is None
    assert driver.state_of_everything() == before
    assert driver.effects(id) == []


def test_two_workers_with_the_same_message_at_once_are_one_effect(driver: Driver) -> None:
    ids = tuple(driver.start_wave(*[f"p{n}" for n in range(16)]))
    for task in ("pack", "label", "hand_over", "tell"):
        together = Barrier(4)

        def deliver(_: int, task: str = task, together: Barrier = together) -> None:
            together.wait()
            driver.deliver(Message((f"parcels.{task}",), ids))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(deliver, range(4)))
        assert driver.count(task) == 16
    assert {driver.status(id) for id in ids} == {State.SUCCEEDED}
    assert len(script.calls) == 32


def test_a_claim_does_not_wait_for_rows_that_another_holds(driver: Driver) -> None:
    """PostgreSQL only: SQLite has one writer at a time."""
    if driver.kind == "sqlite":
        pytest.skip("SQLite locks the database, not rows")
    ids = driver.start_wave("p1", "p2", "p3")
    with db.transaction() as one, db.transaction() as other:
        held = claim(one, "parcels.pack", ids[:2])
        rest = claim(other, "parcels.pack", ids)
        assert [run.id for run in held] == sorted(ids[:2])
        assert [run.id for run in rest] == ids[2:]


def test_a_late_writer_with_an_old_version_writes_nothing(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    with db.transaction() as session:
        run = claim(session, "parcels.label", [id])[0]
    driver.deliver()  # somebody else takes the call and records it
    before = driver.state_of_everything()
    visits = script.visits["remember:label", "p1"]
    for version in (run.version, run.version + 1, run.version + 2):
        assert record(label, [(Pending(run, "p1", version), Done({"label": "late"}))]) == []
    assert driver.state_of_everything() == before
    assert driver.effects(id) == ["pack", "label"]
    assert script.visits["remember:label", "p1"] == visits
    assert carrier.acted == {f"{id}:label": 1}


def test_a_late_writer_cannot_answer_for_the_call_of_its_successor(driver: Driver) -> None:
    """The lease ran out, another worker is in mid-call: the first one's version is not the run's any more."""
    id = driver.start()
    driver.deliver()
    with db.transaction() as session:
        run = claim(session, "parcels.label", [id])[0]
    seen: list[object] = []

    def meanwhile() -> None:
        late = Pending(run, "p1", run.version)
        seen.extend([record(label, [(late, Done({"label": "late"}))]), driver.journal(id)[1]])

    script.say("label", "p1", meanwhile)
    driver.deliver()
    assert seen == [[], ("label", "do", "begun", 1)]
    assert driver.job(id).steps[1].output is None
