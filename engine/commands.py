"""What can be asked of a run from outside: start, wake, cancel, and an operator's retry, skip, compensate.

Each works inside the caller's transaction, so that the command and what it came with are one commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Float, Select, bindparam, select, update
from sqlalchemy.orm import Session

from db.bulk import inserting
from db.functions import in_seconds, statement_time, transaction_time
from db.schema import new_id
from db.statements import table_of
from engine import journal, plans
from engine.claim import Run, lock
from engine.dispatch import send_after_commit
from engine.limits import PATIENCE
from engine.outcomes import Refused
from engine.plan import Named, Workflow, resolve
from engine.settle import advance_past, compensate, send_from_here
from engine.states import ENDED, FINAL, Direction, Hold, State
from engine.tables import RunRow


class NotPossible(Exception):
    """The run is not in a state in which this can be asked of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class RunRequest(NamedTuple):
    """A run to be started. The same key twice is the same run."""

    key: str
    subject: tuple[str, str]  # type and id of what it is about
    input: dict[str, Any] | None = None  # what the steps need beside it, never card data
    deadline: float | None = None  # seconds; None: the workflow's own
    by: str | None = None  # who asked for it


class Started(NamedTuple):
    id: str
    fresh: bool  # False: a run with this key was there before
    at: datetime | None = None  # when a fresh one was written


def start(
    session: Session,
    workflow: Workflow | Named,
    *,
    key: str,
    subject: tuple[str, str],
    input: dict[str, Any] | None = None,
    by: str | None = None,
) -> Started:
    """Write the run; after the commit it goes on its way. `by`: who asked for it; None: the shop itself."""
    return start_all(session, workflow, [RunRequest(key, subject, input, by=by)])[0]


def start_all(session: Session, workflow: Workflow | Named, wishes: Sequence[RunRequest]) -> list[Started]:
    """As `start`, for many in one statement. No key may be among them twice."""
    workflow = resolve(workflow)
    plan = workflow.plan
    plans.store(session, plan)
    rows = [_fresh(workflow, wish) for wish in wishes]
    begun: dict[str, datetime] = {}
    for deadline in dict.fromkeys(wish.deadline for wish in wishes):
        some = [row for row, wish in zip(rows, wishes, strict=True) if wish.deadline == deadline]
        patience = {"patience": PATIENCE, "deadline": workflow.deadline if deadline is None else deadline}
        begun |= {row.id: row.created_at for row in _START(session, some, **patience)}
    send_after_commit(session, plan, 0, Direction.DO, list(begun))
    return [_started(session, row, begun.get(row["id"])) for row in rows]


def _fresh(workflow: Workflow, wish: RunRequest) -> dict[str, Any]:
    return {
        "id": new_id(),
        "workflow": workflow.name,
        "plan_id": workflow.plan.id,
        "key": wish.key,
        "subject_type": wish.subject[0],
        "subject_id": wish.subject[1],
        "input": wish.input or {},
        "started_by": wish.by,
        "task": workflow.plan.task(0, Direction.DO),
    }


def _started(session: Session, row: dict[str, Any], at: datetime | None) -> Started:
    if at:
        return Started(row["id"], fresh=True, at=at)
    there = select(RunRow.id).where(RunRow.workflow == row["workflow"], RunRow.key == row["key"])
    return Started(session.scalars(there).one(), fresh=False)


def _starting(insert: Any) -> Any:
    once = insert.on_conflict_do_nothing(index_elements=["workflow", "key"])
    return once.returning(table_of(RunRow).c.id, table_of(RunRow).c.created_at)


_START = inserting(
    table_of(RunRow),
    *("id", "workflow", "plan_id", "key", "subject_type", "subject_id", "input", "started_by", "task"),
    then=_starting,
    due_at=in_seconds(bindparam("patience", type_=Float())),
    sent_at=transaction_time(),
    deadline_at=in_seconds(bindparam("deadline", type_=Float())),
    created_at=transaction_time(),
    updated_at=transaction_time(),
)


def wake(session: Session, ids: Sequence[str]) -> None:
    """What these runs wait for has happened (or may have): look again. One in mid-call looks once more after it."""
    for run in lock(session, ids):
        row = session.get_one(RunRow, run.id, populate_existing=True)
        if row.hold == Hold.WAIT:
            send_from_here(session, [run])
        elif row.hold == Hold.CALL:
            session.execute(update(RunRow).where(RunRow.id == run.id).values(nudged=True))


def wake_about(session: Session, subject: tuple[str, str], but: str | None = None) -> None:
    """Whoever is at work on this subject looks again; `but` is the run that says so."""
    wake(session, [id for id in live_runs(session, subject) if id != but])


def busy(kind: str) -> Select[str]:
    """The ids of the subjects of this kind that a run is about which has not ended."""
    return select(RunRow.subject_id).where(RunRow.subject_type == kind, RunRow.state.not_in(ENDED))


def live_runs(session: Session, subject: tuple[str, str], workflow: str | None = None) -> list[str]:
    """The ids of the runs about this subject, of this workflow if one is named, that have not ended."""
    live = select(RunRow.id).where(*_live(subject)).order_by(RunRow.id)
    return list(session.scalars(live.where(RunRow.workflow == workflow) if workflow else live))


def live_inputs(session: Session, subject: tuple[str, str], workflow: str) -> list[dict[str, Any]]:
    """What those of them were given, oldest first."""
    mine = select(RunRow.input).where(*_live(subject), RunRow.workflow == workflow)
    return list(session.scalars(mine.order_by(RunRow.id)))


def turning_back(session: Session, subject: tuple[str, str]) -> bool:
    """Whether a run about this subject is on its way back, or was asked to turn."""
    back = (RunRow.direction == Direction.UNDO) | RunRow.cancel_requested
    return session.scalar(select(RunRow.id).where(*_live(subject), back).limit(1)) is not None


def input_of(session: Session, id: str) -> dict[str, Any]:
    """What this run was given."""
    return session.scalars(select(RunRow.input).where(RunRow.id == id)).one()


def _live(subject: tuple[str, str]) -> tuple[ColumnElement[bool], ...]:
    kind, id = subject
    return RunRow.subject_type == kind, RunRow.subject_id == id, RunRow.state.not_in(ENDED)


def cancel(session: Session, id: str) -> None:
    """Ask the run to turn back; it does so at its next claim, if its pivot is not behind it."""
    run, row = _get(session, id)
    if row.state in FINAL or run.direction == Direction.UNDO or run.past_pivot:
        raise NotPossible("too_late_to_cancel", f"the job is {row.state} and can no longer be cancelled")
    if run.cancel_requested:
        return
    session.execute(
        update(RunRow)
        .where(RunRow.id == id)
        .values(cancel_requested=True, version=RunRow.version + int(row.hold != Hold.CALL), updated_at=statement_time())
    )
    if row.hold in (Hold.WAIT, Hold.BACKOFF):
        send_from_here(session, [run])


def standing(session: Session, id: str) -> tuple[str, str, str]:
    """The run's workflow, its step and its direction, which stay so until the transaction ends. Raises NotPossible."""
    run, row = _get(session, id)
    return row.workflow, run.name, run.direction


def retry(session: Session, id: str, *, by: str) -> None:
    """Operator: try the step that needs attention once more, with all its time."""
    run = _needing_attention(session, id, "retried", by)
    journal.count_refusal(session, run)
    send_from_here(session, [run])


def skip(session: Session, id: str, *, by: str, note: str) -> None:
    """Operator: take the step as settled by hand and go on; who and why stay in the journal."""
    run = _needing_attention(session, id, "skipped", by, note)
    journal.mark_skipped(session, run, {"skipped_by": by, "note": note})
    advance_past(session, run)


def give_back(session: Session, id: str, *, by: str) -> None:
    """Operator: give up going forward and undo what was begun, if the pivot is not behind."""
    run, row = _get(session, id)
    if row.state in ENDED or run.direction == Direction.UNDO:
        raise NotPossible("not_going_forward", f"the job is {row.state}, there is nothing to turn back")
    if run.past_pivot:
        raise NotPossible("past_the_pivot", "the job has passed the point of no return; retry or skip the step")
    journal.note_act(session, run, "compensated", by)
    if row.hold == Hold.CALL:
        cancel(session, id)  # the outside is being talked to: turn back as soon as it has answered
        return
    begun = journal.begun_at(session, [run])
    why = Refused("compensated", "turned back on request")  # by whom is in the act, which staff see
    compensate(session, [(run, why, run.step if begun else run.step - 1)])


def _get(session: Session, id: str) -> tuple[Run, RunRow]:
    runs = lock(session, [id])
    if not runs:
        raise NotPossible("not_found", "there is no such job")
    return runs[0], session.get_one(RunRow, id, populate_existing=True)  # not what was read before it was locked


def _needing_attention(session: Session, id: str, act: str, by: str, note: str | None = None) -> Run:
    """The run as it was before it called for help: with the error that turned it back, if any. The act is noted."""
    run, row = _get(session, id)
    if row.state != State.NEEDS_ATTENTION:
        raise NotPossible(
            "not_needing_attention", f"the job is {row.state}; only one that needs attention can be helped"
        )
    journal.note_act(session, run, act, by, note)
    cause = (run.error or {}).get("cause")
    session.execute(update(RunRow).where(RunRow.id == id).values(error=cause, wait_until=None))
    return replace(run, error=cause)
