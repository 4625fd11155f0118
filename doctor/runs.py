"""Invariants of the engine: nothing accepted is lost, and everything ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.functions import age, in_seconds, transaction_time
from doctor.checks import invariant
from engine import setback
from engine.limits import MOST_CLAIMS
from engine.states import FINAL, Direction, Hold, Mark, State
from engine.steps import step_tasks
from engine.tables import JournalRow, RunRow
from shop.kernel.idempotency import IdempotencyKeyRow

OVERDUE = 60.0  # seconds past its due time after which a run cannot be waiting for a sweep any more


@invariant("I1", "every command answered 202 exists")
def accepted_commands_exist(session: Session) -> Iterator[str]:
    answered = session.execute(
        select(IdempotencyKeyRow.key, IdempotencyKeyRow.body).where(IdempotencyKeyRow.status == 202)
    )
    jobs = {json.loads(body).get("job", {}).get("id"): key for key, body in answered}
    jobs.pop(None, None)
    known = set(session.scalars(select(RunRow.id).where(RunRow.id.in_(list(jobs)))))
    for job in jobs.keys() - known:
        yield f"job {job}, accepted under the key {jobs[job]!r}, does not exist"


@invariant("I2", "every run ends: none is overdue, none rests without a deadline")
def runs_end(session: Session) -> Iterator[str]:
    open_runs = RunRow.state.not_in(FINAL)
    stuck = select(RunRow).where(open_runs, or_(RunRow.due_at.is_(None), RunRow.due_at < in_seconds(-OVERDUE)))
    for run in session.scalars(stuck):
        yield f"run {run.id} ({run.workflow}) is {run.state} before {run.task} and nobody looks after it"
    strange = select(RunRow).where(RunRow.state.in_(FINAL), or_(RunRow.due_at.is_not(None), RunRow.hold != Hold.END))
    for run in session.scalars(strange):
        yield f"run {run.id} is {run.state} and yet due"
    for task in session.scalars(select(RunRow.task).where(open_runs).distinct()):
        if task not in step_tasks:
            yield f"runs stand before {task}, which no worker knows"


@invariant("I2", "nothing is stored as if the clock had never been set back")
def nothing_lies_in_the_future(session: Session) -> Iterator[str]:
    if setback.found(session, beyond=OVERDUE):
        yield "a run was sent, or a queue was looked through, at a time that has not come: recovery waits for it"


@invariant("I2", "no run is given up that no worker ever took, and one that its workers die of is known")
def only_what_was_taken_is_given_up(session: Session) -> Iterator[str]:
    run = RunRow
    for row in session.scalars(select(run).where(run.state == State.NEEDS_ATTENTION, run.claims == 0)):
        if (row.error or {}).get("code") == "worker_lost":
            yield f"run {row.id} was given up as lost with its workers, and none had it"
    undone = (run.state.not_in(FINAL), run.direction == Direction.UNDO, run.claims >= MOST_CLAIMS)
    for row in session.scalars(select(run).where(*undone)):
        yield f"run {row.id} has taken {row.claims} workers down with it at {row.task}, and goes on"


@invariant("I9", "status tells the truth: no run has succeeded while a step of it is open")
def no_open_step_behind_a_success(session: Session) -> Iterator[str]:
    open_steps = (
        select(JournalRow.run_id, JournalRow.name)
        .join(RunRow, RunRow.id == JournalRow.run_id)
        .where(RunRow.state == State.SUCCEEDED, JournalRow.direction == Direction.DO)
        .where(JournalRow.state.not_in((Mark.DONE, Mark.SKIPPED)))
    )
    for id, name in session.execute(open_steps):
        yield f"run {id} has succeeded but its step {name} is not done"


@invariant("I12", "nothing accepted waits undispatched longer than the sweep")
def nothing_undispatched(session: Session) -> Iterator[str]:
    forgotten = select(RunRow.id, age(RunRow.created_at)).where(
        RunRow.state == State.QUEUED,
        RunRow.hold == Hold.NONE,
        RunRow.due_at < transaction_time(),
        RunRow.sent_at < in_seconds(-OVERDUE),
    )
    for id, seconds in session.execute(forgotten):
        yield f"run {id} was accepted {seconds:.0f} s ago and has not begun"
