"""A long step is taken in turns: each is committed, and the next follows at once or after its pause."""

from __future__ import annotations

import engine
from engine import State
from engine.outcomes import More
from tests.engine.driver import Driver
from tests.engine.parcels import script


def test_a_step_goes_on_until_it_says_no_more_and_no_turn_counts_as_a_failure(driver: Driver) -> None:
    script.say("pack", "p1", *[More() for _ in range(12)])  # more often than any step may fail
    id = driver.start()
    driver.drain()
    driver.finish(id)
    assert driver.status(id) == State.SUCCEEDED
    assert script.visits["pack", "p1"] == 13
    assert driver.effects(id)[:2] == ["pack", "label"]
    assert driver.row(id).attempt == 0


def test_a_pause_between_two_turns_is_kept_by_the_sweep(driver: Driver) -> None:
    script.say("pack", "p1", More(after=90.0))
    id = driver.start()
    driver.drain()
    assert driver.sweep_after(60) == 0
    assert driver.sweep_after(31) == 1
    driver.finish(id)
    assert (driver.status(id), script.visits["pack", "p1"]) == (State.SUCCEEDED, 2)


def test_a_cancel_is_honoured_between_two_turns(driver: Driver) -> None:
    script.say("pack", "p1", More(after=90.0))
    id = driver.start()
    driver.drain()
    driver.ask(engine.cancel, id)
    driver.finish(id)
    assert driver.status(id) == State.FAILED
    assert script.visits["pack", "p1"] == 1


def test_a_remote_step_may_take_turns_as_well(driver: Driver) -> None:
    script.say("label", "p1", More(), More())
    id = driver.start()
    driver.drain()
    driver.finish(id)
    assert (driver.status(id), script.visits["label", "p1"]) == (State.SUCCEEDED, 3)
