"""One slow call does not hold up its wave; calls are bounded; a lease is kept by the living and lost by the dead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

import db
from engine import State, calls, remote
from engine.late_answers import GATHER
from engine.limits import LEASE
from engine.outcomes import Refused, TryAgain
from tests.engine.driver import Driver, Message
from tests.engine.parcels import carrier, script
from tests.sandboxes import wait_until


@pytest.fixture
def door() -> Iterator[Event]:
    """Calls that are told to stand before it go on when it is set; at the end of the test at the latest."""
    door = Event()
    yield door
    door.set()
    wait_until(lambda: carrier.inside == 0)
    time.sleep(2 * GATHER)
    wait_until(lambda: db.engine().pool.checkedout() == 0)  # the last late answer is recorded


def before(door: Event, line: object = None) -> Callable[[], object]:
    def stand() -> object:
        door.wait(10)
        return line

    return stand


@contextmanager
def pool_of(size: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[calls.Calls]:
    pool = calls.Calls(size)
    monkeypatch.setattr("engine.remote.calls", lambda: pool)
    yield pool
    pool._pool.shutdown()


def test_a_slow_call_does_not_hold_up_its_wave(driver: Driver, door: Event) -> None:
    script.say("label", "p2", before(door))
    ids = driver.start_wave("p1", "p2", "p3")
    driver.deliver()
    began = time.monotonic()
    tail = driver.deliver()
    assert 0.25 < time.monotonic() - began < 9  # a call that is waited for takes ten
    assert tail is not None
    driver.drain()
    assert [driver.status(id) for id in ids] == [State.SUCCEEDED, State.RUNNING, State.SUCCEEDED]
    assert driver.journal(ids[1])[-1] == ("label", "do", "begun", 1)


def test_its_answer_is_recorded_when_it_comes_and_it_sends_its_own_tail(driver: Driver, door: Event) -> None:
    script.say("label", "p2", before(door, {"label": "L-2"}))
    ids = driver.start_wave("p1", "p2", "p3")
    driver.drain()
    door.set()
    wait_until(lambda: driver.mail)
    assert driver.mail == [Message(("parcels.hand_over", "parcels.tell"), (ids[1],))]
    driver.drain()
    assert [driver.effects(id) for id in ids] == [["pack", "label", "hand_over", "tell"]] * 3
    assert driver.job(ids[1]).steps[1].output == {"label": "L-2"}
    assert script.keys("label", "p2") == [f"{ids[1]}:label"]


def test_several_late_answers_end_each_as_it_must(driver: Driver, door: Event) -> None:
    script.say("label", "p1", before(door))
    script.say("label", "p2", before(door, Refused("unknown_address")))
    script.say("label", "p3", before(door, TryAgain("closed")))
    ids = driver.start_wave("p1", "p2", "p3")
    driver.deliver()
    assert driver.deliver() is None
    door.set()
    wait_until(lambda: len(driver.mail) == 2)
    driver.finish(*ids)
    assert [driver.status(id) for id in ids] == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]
    assert [driver.journal(id)[1] for id in ids] == [
        ("label", "do", "done", 1),
        ("label", "do", "refused", 1),
        ("label", "do", "done", 2),
    ]


def test_a_late_answer_that_cannot_be_remembered_hurts_only_its_own_run(driver: Driver, door: Event) -> None:
    script.say("label", "p1", before(door))
    script.say("label", "p2", before(door))
    script.say("remember:label", "p2", ValueError("oops"), ValueError("oops"))
    ids = driver.start_wave("p1", "p2")
    driver.deliver()
    driver.deliver()
    door.set()
    wait_until(lambda: driver.mail and driver.job(ids[1]).steps[1].error)
    assert driver.mail == [Message(("parcels.hand_over", "parcels.tell"), (ids[0],))]
    assert driver.job(ids[1]).steps[1].error == {
        "code": "internal_error",
        "detail": "the answer could not be recorded (ValueError)",
    }
    driver.finish(*ids)
    assert [driver.effects(id) for id in ids] == [["pack", "label", "hand_over", "tell"]] * 2
    assert script.keys("label", "p2") == [f"{ids[1]}:label"] * 2


def test_no_more_calls_at_once_than_the_pool_has_threads(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = driver.start_wave(*[f"p{n}" for n in range(12)])
    for n in range(12):
        script.always("label", f"p{n}", lambda: time.sleep(0.02))
    driver.deliver()
    with pool_of(3, monkeypatch):
        driver.deliver()
    assert carrier.most_inside == 3
    assert driver.count("label") == 12
    assert len(set(ids)) == 12


def test_a_task_that_finds_no_room_waits_before_it_claims_anything(
    driver: Driver, door: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.say("label", "p1", before(door))
    script.say("label", "p2", before(door))
    slow = driver.start_wave("p1", "p2")
    quick = driver.start("p3")
    driver.deliver()
    driver.deliver()
    with pool_of(2, monkeypatch):
        driver.deliver(Message(("parcels.label",), tuple(slow)))
        waiting = Thread(target=driver.deliver, args=(Message(("parcels.label",), (quick,)),))
        waiting.start()
        time.sleep(0.1)
        assert driver.row(quick).hold == "none"
        assert driver.journal(quick) == [("pack", "do", "done", 1)]
        door.set()
        waiting.join(5)
        assert driver.journal(quick)[-1] == ("label", "do", "done", 1)
        wait_until(lambda: driver.count("label") == 3)


# --- leases --------------------------------------------------------------------------------------


def renew_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what was renewed a moment ago."""
    monkeypatch.setattr(calls, "LEASE", 0.0)


def test_a_living_worker_keeps_its_lease(driver: Driver, door: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    renew_always(monkeypatch)
    script.say("label", "p1", before(door))
    id = driver.start()
    with pool_of(2, monkeypatch) as pool:
        driver.deliver()
        driver.deliver()
        for _ in range(4):
            driver.pass_time(LEASE * 0.6)
            pool.renew_leases()
            driver.sweep_after(0)
        assert driver.row(id).hold == "call"
        assert driver.row(id).losses == 0
        assert len(driver.sent) == 1
        door.set()
        wait_until(lambda: driver.mail)
        driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert script.keys("label", "p1") == [f"{id}:label"]


def test_a_lease_that_was_renewed_a_moment_ago_is_left_alone(
    driver: Driver, door: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.say("label", "p1", before(door))
    id = driver.start()
    with pool_of(2, monkeypatch) as pool:
        driver.deliver()
        driver.deliver()
        before_it = driver.row(id).lease_until
        pool.renew_leases()
        assert driver.row(id).lease_until == before_it
        door.set()
        wait_until(lambda: driver.count("label") == 1)


def test_the_end_of_an_earlier_call_does_not_end_the_lease_of_a_later_one(
    driver: Driver, door: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still for longer than a lease was given its own run once more."""
    renew_always(monkeypatch)
    first = Event()
    script.say("label", "p1", before(first), before(door))
    id = driver.start()
    with pool_of(2, monkeypatch) as pool:
        driver.deliver()
        driver.deliver()
        assert driver.sweep_after(LEASE + 1) == 1
        driver.deliver()
        assert carrier.inside == 2
        first.set()
        wait_until(lambda: carrier.inside == 1)
        time.sleep(2 * GATHER)
        for _ in range(2):
            driver.pass_time(LEASE * 0.6)
            pool.renew_leases()
        assert driver.sweep_after(0) == 0
        door.set()
        wait_until(lambda: driver.mail)
        driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert len(script.keys("label", "p1")) == 2


def test_the_lease_of_the_dead_is_taken_over_with_the_same_key(driver: Driver, door: Event) -> None:
    """The first worker lives on, cut off, and answers last: nobody listens to it any more."""
    script.say("label", "p1", before(door, {"label": "old"}), {"label": "new"})
    id = driver.start()
    driver.deliver()
    driver.deliver()
    assert driver.sweep_after(LEASE / 2 + 1) == 0
    assert driver.sweep_after(LEASE + 1) == 1
    assert driver.row(id).losses == 1
    driver.deliver()
    door.set()
    wait_until(lambda: carrier.inside == 0)
    time.sleep(0.1)
    driver.drain()
    assert driver.effects(id) == ["pack", "label", "hand_over", "tell"]
    assert driver.job(id).steps[1].output == {"label": "new"}
    assert script.keys("label", "p1") == [f"{id}:label"] * 2
    assert carrier.acted[f"{id}:label"] == 1
    assert driver.journal(id)[1] == ("label", "do", "done", 2)


def test_a_worker_that_ends_waits_for_its_last_calls_and_records_them(driver: Driver, door: Event) -> None:
    script.say("label", "p1", before(door))
    id = driver.start("p1")
    driver.deliver()
    driver.deliver()
    assert not remote.finish_calls(0.05)
    assert driver.journal(id)[-1] == ("label", "do", "begun", 1)

    door.set()
    assert remote.finish_calls(10)
    assert driver.journal(id)[-1] == ("label", "do", "done", 1)
    assert driver.mail[-1] == Message(("parcels.hand_over", "parcels.tell"), (id,))
