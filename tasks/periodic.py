"""Running periodic tasks: by name, outside of any transaction, retried if they break."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from celery_app import app
from engine import Answer, Named, Run, clock, on_attention, on_failed, remote_step, slots
from engine.outcomes import Refused
from engine.poking import poked
from engine.slots import SlotState

Periodic = Callable[[], None]

RUN = Named("run_periodic_task")

periodic_tasks: dict[str, Periodic] = {}


def periodic(task: Periodic) -> Periodic:
    """Register a function as a periodic task under its name; `beat_schedule.SCHEDULE` has its times."""
    return periodic_tasks.setdefault(task.__name__, task)


@app.task(name="maintenance.poke")
def poke(**_: Any) -> None:
    """Look for due slots. Beat sends this every few seconds; twice, late or out of order does no harm."""
    look()


@poked
def look() -> None:
    clock.poke(RUN)


def _known(session: Session, runs: Sequence[Run]) -> Mapping[str, Any]:
    wanted = {run.id: run.input["task"] for run in runs}
    return {id: task if task in periodic_tasks else _unknown(task) for id, task in wanted.items()}


def _unknown(task: str) -> Refused:
    return Refused("unknown_task", f"no worker knows a periodic task {task}")


def _done(session: Session, answers: Sequence[Answer]) -> None:
    slots.finish(session, [answer.run.id for answer in answers if answer.output is not None], SlotState.DONE)


@remote_step("maintenance.run_task", fetch=_known, remember=_done)
def run_task(task: str, key: str) -> dict[str, Any]:
    """Run the periodic task. It may run twice: when a worker dies halfway, another one starts it anew."""
    periodic_tasks[task]()
    return {"task": task}


@on_failed("maintenance.note_failure")
def note_failure(session: Session, runs: Sequence[Run]) -> None:
    """Finish the slots of failed runs."""
    for run in runs:
        slots.finish(session, [run.id], SlotState.FAILED, run.error)


@on_attention
def note_fault(session: Session, run: Run) -> None:
    """Finish the slot of a task that broke by a fault of ours.

    The run waits for an operator; its next slot does not.
    """
    if run.plan.workflow == "run_periodic_task":
        slots.finish(session, [run.id], SlotState.FAILED, run.error)
