"""Moves of runs other than to the next step: into a pause before the same step, or to an undo.

However different their places are, all runs of a wave are moved by one statement. Their rows must be locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Float, case, func, update
from sqlalchemy.orm import Session

from db.bulk import Many
from db.functions import in_seconds, statement_time
from db.statements import table_of
from engine.claim import Run
from engine.limits import PATIENCE
from engine.states import Direction, Hold, State
from engine.tables import RunRow
from engine.transitions import moving

_RUN = table_of(RunRow).c


@dataclass(frozen=True)
class NextState:
    """Where a run is put: before which step, and under which hold. `due`: seconds until the sweep looks at it."""

    id: str
    state: State
    step: int
    direction: str
    task: str
    hold: Hold = Hold.NONE
    due: float = PATIENCE
    attempt: int = 0
    error: dict[str, Any] | None = None
    troubled: bool = False  # it has failed, and is to be tried again
    waiting_for: str | None = None


def here(run: Run) -> NextState:
    """Return the place where the run stands now, without a hold: to be taken again."""
    return NextState(run.id, moving(run.direction), run.step, run.direction, run.plan.task(run.step, run.direction))


def way_back(run: Run, step: int, error: dict[str, Any]) -> NextState:
    """Return the place before the undo of this step."""
    task = run.plan.task(step, Direction.UNDO)
    return NextState(run.id, State.COMPENSATING, step, Direction.UNDO, task, error=error)


def write(session: Session, places: Sequence[NextState]) -> None:
    if places:
        _PUT(session, [asdict(place) for place in places])


def _putting(_: str, given: Any) -> Any:
    return (
        update(table_of(RunRow))
        .where(_RUN.id == given.id)
        .values(
            state=given.state,
            step=given.step,
            direction=given.direction,
            task=given.task,
            hold=given.hold,
            attempt=given.attempt,
            error=func.coalesce(given.error, _RUN.error),
            losses=0,
            claims=0,
            nudged=False,
            troubled_since=case((given.troubled, func.coalesce(_RUN.troubled_since, statement_time()))),
            waiting_for=given.waiting_for,
            finished_at=None,
            version=_RUN.version + 1,
            due_at=in_seconds(given.due),
            sent_at=statement_time(),
            updated_at=statement_time(),
        )
    )


_SAME = (_RUN.id, _RUN.state, _RUN.step, _RUN.direction, _RUN.task, _RUN.hold, _RUN.attempt, _RUN.error)
_PUT = Many(_putting, *_SAME, Column("due", Float), Column("troubled", Boolean), _RUN.waiting_for)


def limit_waits(session: Session, waits: Sequence[tuple[Run, float]]) -> None:
    """Limit the waits of runs (with their seconds) that `write` has just put aside.

    The first wait at a step counts: later ones do not extend it. Before the pivot no wait goes beyond the run's
    deadline.
    """
    if waits:
        _LIMIT(session, [{"id": run.id, "seconds": s, "past_pivot": run.past_pivot} for run, s in waits])


def _limiting(_: str, given: Any) -> Any:
    within_run = case((given.past_pivot, _RUN.due_at), else_=_sooner(_RUN.deadline_at, _RUN.due_at))
    return (
        update(table_of(RunRow))
        .where(_RUN.id == given.id)
        .values(
            due_at=_sooner(_RUN.wait_until, within_run),
            wait_until=func.coalesce(_RUN.wait_until, in_seconds(given.seconds)),
        )
    )


_LIMIT = Many(_limiting, _RUN.id, Column("seconds", Float), Column("past_pivot", Boolean))


def _sooner(one: Any, other: Any) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)
