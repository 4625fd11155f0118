"""However differently the runs of a wave end, each stands afterwards where it would stand had it travelled alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import engine
from db.functions import in_seconds
from engine.outcomes import Refused, TryAgain, Unknown, Wait
from tests.engine.driver import Driver
from tests.engine.parcels import script

Meanwhile = Callable[[Driver, str], object]

LINES: dict[str, object] = {
    "well": None,
    "with-output": {"shelf": 7},
    "refused": Refused("too_big", "it does not fit"),
    "otherwise-refused": Refused("too_heavy"),
    "busy": TryAgain("busy", after=290.0),
    "worn-out": TryAgain("busy", "once too often"),
    "unknown": Unknown("timeout", after=250.0),
    "waiting": Wait("not_signed", seconds=900.0, output={"door": 3}),
    "waiting-longer": Wait("not_signed", seconds=1800.0),
}
DURING: dict[str, tuple[Meanwhile, object]] = {
    "cancelled": (lambda driver, id: driver.ask(engine.cancel, id), TryAgain("busy", after=290.0)),
    "cancelled-and-well": (lambda driver, id: driver.ask(engine.cancel, id), None),
    "nudged": (lambda driver, id: driver.ask(engine.wake, [id]), Wait("not_signed", seconds=900.0)),
}


@pytest.mark.parametrize("step", ["pack", "label", "hand_over", "tell"])
def test_a_local_or_remote_step_of_a_mixed_wave(driver: Driver, step: str) -> None:
    subjects = [*LINES, *(DURING if step == "label" else {})]
    alone = [_standing(driver, *_play(driver, step, [subject])) for subject in subjects]
    together = [_standing(driver, id) for id in _play(driver, step, subjects)]
    for one, other in zip(alone, together, strict=True):
        assert other == one


def _play(driver: Driver, step: str, subjects: list[str]) -> list[str]:
    """They go well as far as the step, which ends for each as its name says."""
    number = f"{len(subjects)}-{step}"
    ids = driver.start_wave(*[f"{subject}/{number}" for subject in subjects])
    while driver.mail[0].task != f"parcels.{step}":
        driver.deliver()
    for subject, id in zip(subjects, ids, strict=True):
        _say(driver, step, subject, f"{subject}/{number}", id)
    driver.deliver()
    driver.lose_all()
    return ids


def _say(driver: Driver, step: str, subject: str, parcel: str, id: str) -> None:
    if subject == "worn-out":
        driver.change(id, troubled_since=in_seconds(-3 * 86_400.0))
    if subject not in DURING:
        return script.say(step, parcel, LINES[subject])
    meanwhile, line = DURING[subject]

    def during_the_call() -> object:
        meanwhile(driver, id)
        return line

    return script.say(step, parcel, during_the_call)


def _standing(driver: Driver, id: str) -> tuple[Any, ...]:
    """All that is said of the run, and how far its moments lie apart, in tens of seconds."""
    row, job = driver.row(id), driver.job(id)
    due, limit = (
        moment and round((moment - row.sent_at).total_seconds(), -1) for moment in (row.due_at, row.wait_until)
    )
    place = (row.state, row.step, row.direction, row.task, row.hold, row.attempt, row.version, row.cancel_requested)
    steps = [(s.name, s.direction, s.status, s.attempts, s.error, s.output) for s in job.steps]
    return (*place, row.losses, row.nudged, row.error, row.result, due, limit, steps, driver.effects(id))
