"""What a worker would do, done here and now: a run is taken through its steps, one after the other."""

from __future__ import annotations

import db
import letters
from engine import Hold, local, remote
from engine.steps import step_tasks
from engine.tables import RunRow

letters.write("order_confirmed", letters.SAMPLES["order_confirmed"], "en")
"""The first letter of a process reads what Babel knows, and a step does not wait so long for its calls."""

ANSWERED = 5.0
"""Seconds for a call that its wave did not wait for: how busy the machine is decides no test."""


def drive(id: str, steps: int = 20) -> str:
    """As far as it goes, or so many steps. Returns the state in which it rests."""
    for _ in range(steps):
        if (run := ready(id)) is None:
            break
        work(run)
    with db.reading() as session:
        return session.get_one(RunRow, id).state


def ready(id: str) -> RunRow | None:
    """Return the run before its next step; None where it rests."""
    with db.reading() as session:
        run = session.get_one(RunRow, id)
    return run if run.task is not None and run.hold == Hold.NONE else None


def work(run: RunRow) -> None:
    """Do the step that the run stands before, and record its call's answer."""
    step = step_tasks[str(run.task)]
    (local if step.local else remote).work(step, [run.id])
    remote.finish_calls(ANSWERED)
