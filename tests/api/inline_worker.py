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
        with db.reading() as session:
            run = session.get_one(RunRow, id)
        if run.task is None or run.hold != Hold.NONE:
            break
        step = step_tasks[run.task]
        (local if step.local else remote).work(step, [id])
        remote.finish_calls(ANSWERED)
    with db.reading() as session:
        return session.get_one(RunRow, id).state
