"""The clock of periodic tasks: however often it is poked, a slot that is due begins once, as a run of the engine.

Catching up: of the slots that passed while no process poked, or while the task was still at work, the newest begins,
once, and the older ones do not.

When the database's clock was set back by more than a task's period, slots in the future are forgotten and come again;
otherwise the task would not run until they are reached. Set back by less, no slot begins twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from beat_schedule import SCHEDULE, Time
from config import settings
from db import in_transaction, reading
from db.functions import read_clock
from engine import slots
from engine.commands import NotPossible, start
from engine.plan import Named, Workflow
from engine.slots import Slot, SlotRow, SlotState
from engine.times import following, latest

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Standing:
    """The state of a periodic task.

    `lateness`: seconds by which it is overdue now; `last`: the slot that began last, None if none is kept.
    """

    name: str
    time: Time
    next: datetime
    lateness: float
    last: SlotRow | None


def poke(workflow: Workflow | Named) -> int:
    """Begin every slot that is due, as a run of `workflow`. Returns how many began. Safe to call often."""
    with reading() as session:
        ahead, due = _ahead(session), list(_due(session))
    if ahead:
        forgotten: int = in_transaction(lambda session: _forget(session, ahead))
        if forgotten:
            return poke(workflow)
    return in_transaction(lambda session: sum(_begin(session, workflow, *one) for one in due)) if due else 0


def next_slot(at: datetime) -> datetime:
    """Return the time of the first slot after `at`, of whatever task."""
    return min(following(time, at, _zone()) for time in SCHEDULE.values())


def run_now(session: Session, workflow: Workflow | Named, task: str, by: str) -> str:
    """Begin a periodic task now, beside its schedule. Returns the id of the run. `by`: the operator's id.

    Raises NotPossible("already_running") if a run of this task is under way.
    """
    if task in slots.busy(session):
        raise NotPossible("already_running", f"{task} is at work")
    slot = Slot(task, read_clock(session))
    if not slots.take(session, slot, SlotState.BEGUN, asked_by=by):
        raise NotPossible("already_running", f"{task} was begun at this very moment")
    return _start(session, workflow, slot)


def standings(session: Session) -> list[Standing]:
    """Return the state of every periodic task, sorted by name."""
    at, last, newest = read_clock(session), slots.last(session), slots.newest(session)
    told = []
    for name, time in sorted(SCHEDULE.items()):
        late = _overdue(latest(time, at, _zone()), newest.get(name), at)
        told.append(Standing(name, time, following(time, at, _zone()), late, last.get(name)))
    return told


def _overdue(slot: datetime, newest: datetime | None, at: datetime) -> float:
    return (at - slot).total_seconds() if newest and newest < slot else 0.0


def _ahead(session: Session) -> list[str]:
    """Return the tasks whose newest slot is later than their next one: the clock was set back."""
    at, newest, zone = read_clock(session), slots.newest(session), _zone()
    ahead = {task: slot for task, slot in newest.items() if slot > at and task in SCHEDULE}
    return [task for task, slot in ahead.items() if slot > following(SCHEDULE[task], at, zone)]


def _forget(session: Session, tasks: Sequence[str]) -> int:
    at = read_clock(session)
    forgotten = {task: slots.forget_after(session, task, at) for task in tasks}
    log.warning("the clock was set back", slots=forgotten)
    return sum(forgotten.values())


def _due(session: Session) -> Iterator[tuple[Slot, SlotState]]:
    """Yield the slots that are due, in the order of the schedule, in which every process takes them: no deadlock."""
    at, newest, busy, zone = read_clock(session), slots.newest(session), slots.busy(session), _zone()
    for task, time in SCHEDULE.items():
        slot = latest(time, at, zone)
        if task not in newest:
            yield Slot(task, slot), SlotState.NOTED
        elif newest[task] < slot and task not in busy:
            yield Slot(task, slot), SlotState.BEGUN


def _begin(session: Session, workflow: Workflow | Named, slot: Slot, state: SlotState) -> bool:
    if not slots.take(session, slot, state) or state != SlotState.BEGUN:
        return False
    _start(session, workflow, slot)
    log.info("slot", task=slot.task, slot=slot.slot.isoformat(), late=(read_clock(session) - slot.slot).total_seconds())
    return True


def _start(session: Session, workflow: Workflow | Named, slot: Slot) -> str:
    run = start(session, workflow, key=slot.key, subject=("schedule", slot.task), input={"task": slot.task})
    slots.carry(session, slot, run.id)
    return run.id


def _zone() -> ZoneInfo:
    return ZoneInfo(settings().time_zone)
