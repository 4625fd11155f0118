"""A lease is held until the answer is recorded: nobody asks the outside again for what a process holds (P4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import TimeoutError as NoConnection

from engine import State, calls, late_answers
from engine.limits import LEASE
from tests.engine.driver import Driver
from tests.engine.parcels import carrier, script
from tests.sandboxes import wait_until

GOOD = ["pack", "label", "hand_over", "tell"]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> calls.Calls:
    made = calls.Calls(2)
    monkeypatch.setattr("engine.remote.calls", lambda: made)
    monkeypatch.setattr(calls, "LEASE", 0.0)  # also what was renewed a moment ago is renewed
    return made


def away_for(times: int, parcel: str = "p1") -> None:
    """The database can not be had when the label is to be written down."""
    script.say("remember:label", parcel, *[NoConnection("QueuePool limit reached")] * times)


def test_what_can_not_be_recorded_is_kept_and_recorded_later(driver: Driver, pool: calls.Calls) -> None:
    away_for(2)
    id = driver.start()
    driver.deliver()
    assert driver.deliver() is None  # its chain goes on later, by itself
    assert driver.row(id).hold == "call"
    wait_until(lambda: driver.mail, what="the answer to be recorded")
    driver.drain()
    assert driver.effects(id) == GOOD
    assert driver.journal(id)[1] == ("label", "do", "done", 1)
    assert script.keys("label", "p1") == [f"{id}:label"]


def test_until_then_its_lease_is_renewed(driver: Driver, pool: calls.Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_answers, "TROUBLED", 2.0)
    away_for(2)
    id = driver.start()
    driver.deliver()
    driver.deliver()
    assert carrier.inside == 0
    for _ in range(4):
        driver.pass_time(LEASE * 0.6)
        pool.renew_leases()
        assert driver.sweep_after(0) == 0
    assert driver.row(id).hold == "call"
    wait_until(lambda: driver.mail, what="the answer to be recorded")
    driver.drain()
    assert driver.effects(id) == GOOD
    assert carrier.acted[f"{id}:label"] == 1
    pool.renew_leases()
    assert pool.held == 0


def test_what_is_recorded_as_broken_is_held_no_longer(driver: Driver, pool: calls.Calls) -> None:
    script.say("remember:label", "p1", ValueError("oops"))
    id = driver.start()
    driver.deliver()
    driver.deliver()
    assert pool.held == 0
    driver.finish(id)
    assert driver.status(id) == State.SUCCEEDED


def test_an_answer_that_somebody_else_has_recorded_meanwhile_changes_nothing(
    driver: Driver, pool: calls.Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Event()
    monkeypatch.setattr(late_answers, "time", SimpleNamespace(sleep=lambda seconds: door.wait(30)))
    away_for(1)
    id = driver.start()
    driver.deliver()
    driver.deliver()
    driver.change(id, version=driver.row(id).version + 1, lease_until=datetime.now(UTC) - timedelta(days=1))
    door.set()
    wait_until(lambda: pool.held == 0, what="it to be let go")
    assert driver.row(id).step == 1
    assert driver.mail == []
