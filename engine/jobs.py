"""Runs as clients see them: jobs, read from the engine's tables without a lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import in_list
from db.schema import is_id
from engine import plans
from engine.plan import Plan
from engine.states import FINAL, Direction, Hold, Mark, State
from engine.tables import FailedAttemptRow, JournalRow, OperatorActRow, RunRow


@dataclass(frozen=True)
class JobStep:
    """One step of a job in one direction: done, under way or ahead. `status` is a value of Mark."""

    name: str
    direction: str
    status: str
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    next_attempt_at: datetime | None = None
    error: dict[str, Any] | None = None
    output: dict[str, Any] | None = None


@dataclass(frozen=True)
class Act:
    """One act of an operator on a job, with the job's error at that time."""

    job_id: str
    act: str
    by: str
    note: str | None
    step: str
    direction: str
    error: dict[str, Any] | None
    at: datetime


@dataclass(frozen=True)
class Failure:
    """An attempt that did not end well."""

    step: str
    direction: str
    code: str
    detail: str
    at: datetime


@dataclass(frozen=True)
class Job:
    """A run as a client sees it. `status` is a value of State; `version` grows with every change."""

    id: str
    workflow: str
    status: str
    subject: dict[str, str]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    cancel_requested: bool
    error: dict[str, Any] | None
    result: dict[str, Any] | None
    steps: list[JobStep]
    version: int
    started_by: str | None = None
    waiting_for: dict[str, Any] | None = None  # `what` gateway is away, `since` when; `detail`: that as a sentence

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def tag(self) -> str:
        """Return a text that changes whenever what a client sees of the job changes. `jobs.tag` reads it alone."""
        return f"{self.id}.{self.version}.{self.status}.{int(self.cancel_requested)}"


def get(session: Session, id: str) -> Job | None:
    """Return the job; None if there is none or `id` is no UUID."""
    run = session.get(RunRow, id) if is_id(id) else None
    return _jobs(session, [run])[0] if run else None


def subject_of(session: Session, id: str) -> dict[str, str]:
    """Return type and id of the job's subject. Raises sqlalchemy.exc.NoResultFound."""
    row = session.execute(select(RunRow.subject_type, RunRow.subject_id).where(RunRow.id == id)).one()
    return {"type": row.subject_type, "id": row.subject_id}


def begun(id: str, plan: Plan, subject: tuple[str, str], at: datetime) -> Job:
    """Return the job of a run that this very transaction has started at `at`, without reading it."""
    kind, about = subject
    steps = [JobStep(step.name, Direction.DO, Mark.PENDING) for step in plan.steps]
    return Job(
        id, plan.workflow, State.QUEUED, {"type": kind, "id": about}, at, at, None, False, None, None, steps, version=0
    )


def about(session: Session, subject: tuple[str, str]) -> list[Job]:
    """Return all jobs about a subject, oldest first."""
    kind, id = subject
    rows = session.scalars(
        select(RunRow).where(RunRow.subject_type == kind, RunRow.subject_id == id).order_by(RunRow.id)
    )
    return _jobs(session, rows.all())


def acts(session: Session, ids: Sequence[str]) -> list[Act]:
    """Return the acts of operators on these jobs, oldest first."""
    row = OperatorActRow
    rows = session.scalars(select(row).where(row.run_id.in_(ids)).order_by(row.at, row.id)) if ids else ()
    return [Act(one.run_id, one.act, one.by, one.note, one.step, one.direction, one.error, one.at) for one in rows]


def failures(session: Session, job: Job, limit: int = 50) -> list[Failure]:
    """Return the newest `limit` attempts of a job that did not end well, oldest first."""
    row, run = FailedAttemptRow, session.get_one(RunRow, job.id)
    names = [step.name for step in plans.known(run.plan_id).steps]
    rows = session.scalars(select(row).where(row.run_id == job.id).order_by(row.at.desc(), row.id.desc()).limit(limit))
    return [Failure(names[one.step], one.direction, one.code, one.detail, one.at) for one in rows][::-1]


def latest(session: Session, kind: str, ids: Sequence[str]) -> dict[str, Job]:
    """Return the newest job about each of these subjects of type `kind` that has one, by the subject's id."""
    row = RunRow
    query = select(row).where(row.subject_type == kind, in_list(row.subject_id, "subjects")).order_by(row.id)
    newest = {run.subject_id: run for run in session.scalars(query, {"subjects": list(ids)})}
    return {job.subject["id"]: job for job in _jobs(session, list(newest.values()))}


def newest(
    session: Session, *, limit: int, before: str | None = None, status: str | None = None, workflow: str | None = None
) -> list[Job]:
    """Return up to `limit` jobs, newest first, whose ids lie below `before`, with this status, of this workflow."""
    query = select(RunRow).order_by(RunRow.id.desc()).limit(limit)
    if before:
        query = query.where(RunRow.id < before)
    if status:
        query = query.where(RunRow.state == status)
    if workflow:
        query = query.where(RunRow.workflow == workflow)
    return _jobs(session, session.scalars(query).all())


def tag(session: Session, id: str) -> str | None:
    """Return `Job.tag` by one small query, for clients that wait for a change; None if there is no such job."""
    if not is_id(id):
        return None
    row = session.execute(
        select(RunRow.id, RunRow.version, RunRow.state, RunRow.cancel_requested).where(RunRow.id == id)
    ).first()
    return f"{row.id}.{row.version}.{row.state}.{int(row.cancel_requested)}" if row else None


def is_final(tag: str) -> bool:
    return tag.split(".")[2] in FINAL


def _jobs(session: Session, runs: Sequence[RunRow]) -> list[Job]:
    journals = _journals(session, [run.id for run in runs if run.version])  # at version 0 nothing has begun
    plans.load(session, {run.plan_id for run in runs})
    return [_job(run, journals[run.id]) for run in runs]


def _journals(session: Session, ids: Sequence[str]) -> dict[str, list[JournalRow]]:
    journals: dict[str, list[JournalRow]] = defaultdict(list)
    if ids:
        for row in session.scalars(_JOURNAL, {"runs": list(ids)}):
            journals[row.run_id].append(row)
    return journals


_JOURNAL = select(JournalRow).where(in_list(JournalRow.run_id, "runs")).order_by(JournalRow.started_at, JournalRow.step)


def _job(run: RunRow, rows: Sequence[JournalRow]) -> Job:
    return Job(
        id=run.id,
        workflow=run.workflow,
        status=run.state,
        subject={"type": run.subject_type, "id": run.subject_id},
        created_at=run.created_at,
        updated_at=run.updated_at,
        finished_at=run.finished_at,
        cancel_requested=run.cancel_requested,
        error=run.error,
        result=run.result,
        steps=[_step(run, row) for row in sorted(rows, key=_order)] + _pending(run, rows),
        version=run.version,
        started_by=run.started_by,
        waiting_for=_waiting_for(run),
    )


def _waiting_for(run: RunRow) -> dict[str, Any] | None:
    if run.waiting_for is None or run.state in FINAL:
        return None
    who = run.waiting_for.replace("_", " ")
    return {"what": run.waiting_for, "since": run.troubled_since, "detail": f"waiting for the {who}"}


def _order(row: JournalRow) -> tuple[bool, int]:
    """Sort forward steps as planned, then the undos, newest step first."""
    undo = row.direction == Direction.UNDO
    return undo, -row.step if undo else row.step


def _step(run: RunRow, row: JournalRow) -> JobStep:
    here = (row.step, row.direction) == (run.step, run.direction)
    next_attempt = run.due_at if here and run.hold == Hold.BACKOFF else None
    return JobStep(
        row.name,
        row.direction,
        row.state,
        row.attempts,
        row.started_at,
        row.finished_at,
        next_attempt,
        row.error,
        row.output,
    )


def _pending(run: RunRow, rows: Sequence[JournalRow]) -> list[JobStep]:
    """Return the steps still to be done, or still to be undone, that are not in the journal."""
    if run.state in (State.SUCCEEDED, State.FAILED):
        return []
    plan = plans.known(run.plan_id)
    there = {(row.step, row.direction) for row in rows}
    if run.direction == Direction.DO:
        ahead = list(range(run.step, len(plan.steps)))
    else:
        ahead = [i for i in range(run.step, -1, -1) if plan.steps[i].undo]
    return [JobStep(plan.steps[i].name, run.direction, Mark.PENDING) for i in ahead if (i, run.direction) not in there]
