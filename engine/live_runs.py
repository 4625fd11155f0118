"""Queries about runs that have not ended, for who must not act beside one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from engine.states import ENDED, Direction
from engine.tables import RunRow


def busy(kind: str) -> Select[str]:
    """Return a SELECT of the ids of subjects of this type that a run is about which has not ended."""
    return select(RunRow.subject_id).where(RunRow.subject_type == kind, RunRow.state.not_in(ENDED))


def live_runs(session: Session, subject: tuple[str, str], workflow: str | None = None) -> list[str]:
    """Return the ids of the runs (of this workflow) about this subject that are not ENDED, oldest first."""
    live = select(RunRow.id).where(*_live(subject)).order_by(RunRow.id)
    return list(session.scalars(live.where(RunRow.workflow == workflow) if workflow else live))


def live_inputs(session: Session, subject: tuple[str, str], workflow: str) -> list[dict[str, Any]]:
    """Return the inputs of the runs of this workflow about this subject that have not ended, oldest first."""
    mine = select(RunRow.input).where(*_live(subject), RunRow.workflow == workflow)
    return list(session.scalars(mine.order_by(RunRow.id)))


def turning_back(session: Session, subject: tuple[str, str]) -> bool:
    """Return whether a run about this subject that has not ended is being undone, or was asked to turn back."""
    back = (RunRow.direction == Direction.UNDO) | RunRow.cancel_requested
    return session.scalar(select(RunRow.id).where(*_live(subject), back).limit(1)) is not None


def input_of(session: Session, id: str) -> dict[str, Any]:
    """Return the input with which this run was started. Raises sqlalchemy.exc.NoResultFound."""
    return session.scalars(select(RunRow.input).where(RunRow.id == id)).one()


def _live(subject: tuple[str, str]) -> tuple[ColumnElement[bool], ...]:
    kind, id = subject
    return RunRow.subject_type == kind, RunRow.subject_id == id, RunRow.state.not_in(ENDED)
