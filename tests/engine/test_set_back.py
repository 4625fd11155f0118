"""The database's clock is set: a time from the future counts for nothing, and a lease is over when nobody renews it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

import db
import engine.sweep
from db.functions import in_seconds
from engine import State, backlog_probe, calls, leases, limits
from engine.database_clock import ALERT, Watch
from engine.leases import Leases
from engine.limits import LEASE, PATIENCE, SLACK
from engine.outcomes import TryAgain, Wait
from engine.sweep import sweep
from engine.tables import RunRow
from tests.engine.driver import Driver
from tests.engine.parcels import script

BACK = -600.0
GOOD = ["pack", "label", "hand_over", "tell"]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nobody_has_looked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.sweep, "watch", Watch())
    monkeypatch.setattr(engine.sweep, "_leases", Leases())


def test_what_was_under_way_is_not_taken_for_lost_and_what_is_lost_is_found(driver: Driver) -> None:
    id = driver.start()
    driver.sweep_after(PATIENCE + SLACK)
    driver.return_probes()
    driver.pass_time(BACK)  # `reached_at`, `sent_at` and `due_at` lie ten minutes ahead now
    driver.sent.clear()
    for _ in range(25):
        assert sweep() == 0
    assert driver.row(id).losses == 0
    assert driver.due_in(id) <= PATIENCE
    driver.lose_all()
    driver.sweep_after(PATIENCE + SLACK)
    driver.return_probes()
    assert sweep() == 1
    driver.drain()
    assert driver.effects(id) == GOOD


def test_a_moment_to_come_tells_nothing_of_a_queue(driver: Driver) -> None:
    driver.start()
    driver.sweep_after(PATIENCE + SLACK)
    [(queue, at)] = driver.probes
    backlog_probe.probe(queue, (at + timedelta(seconds=600)).isoformat())
    assert driver.ask(backlog_probe.reached) == {}
    driver.return_probes()
    assert list(driver.ask(backlog_probe.reached)) == [queue]
    driver.pass_time(BACK)
    assert driver.ask(backlog_probe.reached) == {}


def test_a_pause_is_no_longer_than_it_was(driver: Driver) -> None:
    script.say("label", "p1", TryAgain("closed", after=60.0))
    id = driver.start()
    driver.deliver()
    driver.deliver()
    driver.pass_time(BACK)
    assert driver.due_in(id) > 600
    sweep()
    assert 50 < driver.due_in(id) <= 60
    assert driver.sweep_after(61) == 1


def test_a_deadline_of_somebody_elses_stays_what_it_was(driver: Driver) -> None:
    script.say("label", "p1", Wait("sign_here", seconds=100.0))
    id = driver.start()
    driver.deliver()
    driver.deliver()
    driver.pass_time(BACK)
    sweep()
    assert driver.status(id) == State.WAITING
    assert driver.due_in(id) > 650


def test_the_dead_are_found_all_the_same(driver: Driver) -> None:
    id = driver.start()
    driver.deliver()
    driver.deliver()
    driver.change(id, hold="call", step=1, task="parcels.label")
    with db.transaction() as session:
        session.execute(_leased(id))
    driver.pass_time(BACK)
    sweep()
    assert driver.due_in(id) <= PATIENCE
    assert driver.sweep_after(LEASE + PATIENCE + 1) == 1


def _leased(id: str) -> Any:
    return update(RunRow).where(RunRow.id == id).values(lease_until=in_seconds(LEASE), due_at=in_seconds(PATIENCE))


# --- whether it was set ------------------------------------------------------------------------------


def seen(watch: Watch, at: float, here: float) -> bool:
    return watch.look(NOON + timedelta(seconds=at), here, here + 0.1)


def test_a_clock_that_goes_as_time_does_alerts_nobody_but_whoever_has_just_come() -> None:
    watch = Watch()
    assert seen(watch, 0, 0)
    assert seen(watch, ALERT - 1, ALERT - 1)
    assert not seen(watch, ALERT + 1, ALERT + 1)
    assert not seen(watch, 5000.5, 5000)


@pytest.mark.parametrize("jump", [-600, -2, 2, 600])
def test_one_that_was_set_alerts_for_a_while(jump: float) -> None:
    watch = Watch()
    seen(watch, 0, 0)
    assert not seen(watch, 100, 100)
    assert seen(watch, 101 + jump, 101)
    assert seen(watch, 110 + jump, 110)
    assert not seen(watch, 200 + jump, 200)


def test_an_answer_that_took_long_is_no_jump() -> None:
    watch = Watch()
    seen(watch, 0, 0)
    assert not seen(watch, 100, 100)
    assert not watch.look(NOON + timedelta(seconds=101), 101, 120)
    assert not watch.look(NOON + timedelta(seconds=121), 121, 121)


# --- whose lease is over -------------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What `time.monotonic()` says to the leases."""
    here = [1000.0]
    monkeypatch.setattr(limits, "GRACE", 4.0)
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: here[0]))
    return here


def looks(some: Leases, at: list[float], seconds: int, waited: float = 0.0, until: datetime = NOON) -> list[set[str]]:
    """One a second."""
    found = []
    for _ in range(seconds):
        at[0] += 1
        found.append(some.over({"run": until}, waited))
    return found


def test_a_lease_is_over_when_it_was_seen_to_be_for_a_while(at: list[float]) -> None:
    assert looks(Leases(), at, 6) == [set()] * 4 + [{"run"}] * 2


def test_one_that_is_renewed_meanwhile_is_not(at: list[float]) -> None:
    some = Leases()
    assert looks(some, at, 4) == [set()] * 4
    assert looks(some, at, 4, until=NOON + timedelta(seconds=6)) == [set()] * 4


def test_while_the_database_lets_nobody_write_no_time_counts(at: list[float]) -> None:
    some = Leases()
    looks(some, at, 3)
    assert looks(some, at, 1, waited=14.0) == [set()]
    assert looks(some, at, 5) == [set()] * 3 + [{"run"}] * 2


def test_nor_while_the_sweeper_itself_stood_still(at: list[float]) -> None:
    some = Leases()
    looks(some, at, 1)
    at[0] += 100
    assert looks(some, at, 3) == [set()] * 3


def test_where_no_write_is_ever_prompt_the_number_of_looks_has_to_do(at: list[float]) -> None:
    assert looks(Leases(), at, 11, waited=5.0) == [set()] * 9 + [{"run"}] * 2


def test_a_clock_that_is_set_forward_takes_no_call_out_of_a_living_workers_hands(
    driver: Driver, at: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Event()
    monkeypatch.setattr(calls, "LEASE", 0.0)
    script.say("label", "p1", lambda: door.wait(10) and None)
    id = driver.start()
    pool = calls.Calls(2)
    monkeypatch.setattr("engine.remote.calls", lambda: pool)
    driver.deliver()
    driver.deliver()
    assert driver.sweep_after(600) == 0
    pool.renew_leases()
    for _ in range(6):
        at[0] += 1
        assert sweep() == 0
    assert driver.row(id).hold == "call"
    door.set()
    deadline = time.time() + 5
    while not driver.mail and time.time() < deadline:
        time.sleep(0.02)
    driver.drain()
    assert driver.effects(id) == GOOD
    assert script.keys("label", "p1") == [f"{id}:label"]
