"""The doctor finds a slot that was run twice, or not."""

from __future__ import annotations

import pytest
from sqlalchemy import text

import db
from doctor.schedule import slots_are_run_once
from engine import clock
from tasks import maintenance  # noqa: F401 - what the clock runs
from tests.api.inline_worker import drive
from tests.fixtures import Database
from workflows import run_periodic_task

TASK, ROOT = "prune_commands", "0199aaaa-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def run(database: Database) -> str:
    """One slot, well run."""
    with db.transaction() as session:
        id = clock.run_now(session, run_periodic_task, TASK, by=ROOT)
    assert drive(id) == "succeeded"
    return id


def breaches() -> list[str]:
    with db.reading() as session:
        return list(slots_are_run_once(session))


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def test_nothing_is_wrong_with_a_slot_that_was_run() -> None:
    assert breaches() == []


def test_a_slot_without_a_run_and_a_run_without_a_slot_are_named(run: str) -> None:
    change("UPDATE periodic_slots SET run_id = NULL")
    first, second = breaches()
    assert first.startswith(f"{TASK} at ")
    assert first.endswith(" is done and has no run")
    assert second == f"run {run} is of no slot"


def test_a_slot_that_says_other_than_its_run_is_named() -> None:
    change("UPDATE periodic_slots SET state = 'begun'")
    [breach] = breaches()
    assert breach.endswith(" is begun, but its run has succeeded")


def test_a_run_of_two_slots_is_named(run: str) -> None:
    change(
        "INSERT INTO periodic_slots (task, slot, state, at, run_id)"
        " SELECT task, '2001-01-01 00:00:00.000000', state, at, run_id FROM periodic_slots"
    )
    assert breaches() == [f"run {run} is of 2 slots"]
