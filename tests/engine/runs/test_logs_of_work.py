"""A worker's lines say which task and message they come from, which runs they are about and whose these are."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from engine.outcomes import TryAgain
from tests.engine.driver import Driver
from tests.engine.parcels import Raise, script

Line = MutableMapping[str, Any]


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """What the engine logs, with what is bound to it, in a thread that nothing is bound to yet."""
    structlog.contextvars.clear_contextvars()
    with capture_logs(processors=[merge_contextvars]) as entries:
        yield entries


def test_what_a_task_takes_in_hand_is_told_with_runs_and_subjects(driver: Driver, lines: list[Line]) -> None:
    ids = driver.start_wave("p1", "p2")
    driver.deliver()
    [line] = [line for line in lines if line["event"] == "claimed"]
    assert (line["task"], line["task_id"]) == ("parcels.pack", "a message")
    assert dict(zip(line["runs"], line["subjects"], strict=True)) == dict(zip(ids, ("p1", "p2"), strict=True))


def test_a_call_that_breaks_is_told_with_its_run_and_subject(driver: Driver, lines: list[Line]) -> None:
    script.say("label", "p1", ValueError("oops"), TryAgain("slow", "later"))
    [id] = driver.start_wave("p1")
    driver.drain()
    [line] = [line for line in lines if line["event"] == "a call failed unexpectedly"]
    assert (line["task"], line["run"], line["subject"]) == ("parcels.label", id, "p1")


def test_a_step_that_breaks_is_told_with_its_run(driver: Driver, lines: list[Line]) -> None:
    script.say("pack", "p2", Raise(ValueError("oops")), Raise(ValueError("oops")))
    ids = driver.start_wave("p1", "p2")
    driver.drain()
    [line] = [line for line in lines if line["event"] == "a step failed unexpectedly"]
    assert (line["task"], line["run"]) == ("parcels.pack", ids[1])
    assert structlog.contextvars.get_contextvars() == {}, "and nothing of it stays with the thread"
