"""Invariants of the clock: one run for each slot, and a slot has the state of its run."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from engine.slots import SlotRow, SlotState
from engine.states import ENDED, State
from engine.tables import RunRow

ENDS: dict[str, str] = {State.SUCCEEDED: SlotState.DONE, State.FAILED: SlotState.FAILED}


@invariant("I11", "a slot of the clock has one run, and says how that ended")
def slots_are_run_once(session: Session) -> Iterator[str]:
    slot, ended = SlotRow, RunRow.state
    begun = select(slot.task, slot.slot, slot.state, ended.label("ended")).outerjoin(RunRow, RunRow.id == slot.run_id)
    for row in session.execute(begun.where(SlotRow.state != SlotState.NOTED)):
        if row.ended is None:
            yield f"{row.task} at {row.slot} is {row.state} and has no run"
        elif row.ended in ENDED and ENDS[row.ended] != row.state:
            yield f"{row.task} at {row.slot} is {row.state}, but its run has {row.ended}"
    twice = select(SlotRow.run_id, func.count()).where(SlotRow.run_id.is_not(None)).group_by(SlotRow.run_id)
    for run, count in session.execute(twice.having(func.count() > 1)):
        yield f"run {run} is of {count} slots"
    known = select(SlotRow.run_id).where(SlotRow.run_id.is_not(None))
    for run in session.scalars(
        select(RunRow.id).where(RunRow.workflow == "run_periodic_task", RunRow.id.not_in(known))
    ):
        yield f"run {run} is of no slot"
