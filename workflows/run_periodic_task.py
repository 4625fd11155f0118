"""A time of the schedule has come, or somebody wants it done now."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import periodic as clock

run_periodic_task = Workflow(
    "run_periodic_task",
    Step("run_task", do=clock.run_task),
    on_failed=clock.note_failure,
)
