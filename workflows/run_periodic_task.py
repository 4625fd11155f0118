"""Run a periodic task, at a due time of the schedule or when an operator asks for it."""

from __future__ import annotations

from engine import Step, Workflow
from tasks import periodic

run_periodic_task = Workflow(
    "run_periodic_task",
    Step("run_task", do=periodic.run_task),
    on_failed=periodic.note_failure,
)
