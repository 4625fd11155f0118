"""Commands that start and change runs in the caller's transaction (see `engine`), and queries about live runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Float, bindparam, select, update
from sqlalchemy.orm import Session

from db.bulk import inserting
from db.functions import in_seconds, statement_time, transaction_time
from db.schema import new_id
from db.statements import table_of
from engine import journal, plans
from engine.claim import Run, lock
from engine.dispatch import send_after_commit
from engine.limits import PATIENCE
from engine.live_runs import live_runs
from engine.outcomes import Refused
from engine.plan import Named, Workflow, resolve, workflows
from engine.settle import advance_past, compensate, send_from_here
from engine.states import ENDED, FINAL, Direction, Hold, State
from engine.tables import RunRow


class NotPossible(Exception):
    """The run's state does not allow this command, or there is no such run ("not_found"). `code` is for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class RunRequest(NamedTuple):
    """A run to be started. Within one workflow the same key is the same run, for as long as that is not pruned."""

    key: str
    subject: tuple[str, str]  # type and id of what it is about
    input: dict[str, Any] | None = None  # what the steps need beside it, never card data
    deadline: float | None = None  # seconds from now; None: the workflow's own
    by: str | None = None  # the caller or operator who asked for it; None: the shop itself


class Started(NamedTuple):
    """What `start` returns: the id of the run, and whether this call has inserted it."""

    id: str
    fresh: bool  # False: the workflow had a run with this key already, and `id` is that one
    at: datetime | None = None  # when a fresh one was written; None: it was there before


def start(
    session: Session,
    workflow: Workflow | Named,
    *,
    key: str,
    subject: tuple[str, str],
    input: dict[str, Any] | None = None,
    by: str | None = None,
) -> Started:
    """Insert a run and send it to a worker after the commit; the sweep sends it if the broker is away.

    Another call with this `key` returns the same run unchanged, with `fresh=False`, whatever its state and input.
    """
    return start_all(session, workflow, [RunRequest(key, subject, input, by=by)])[0]


def start_all(session: Session, workflow: Workflow | Named, wishes: Sequence[RunRequest]) -> list[Started]:
    """Start runs as `start` does, in one statement a deadline. Returns a Started a wish, in order. Keys must differ."""
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
    """Make waiting runs take their step again; one in a call does so if that ends in Wait. Others are left alone."""
    for run in lock(session, ids):
        row = session.get_one(RunRow, run.id, populate_existing=True)
        if row.hold == Hold.WAIT:
            send_from_here(session, [run])
        elif row.hold == Hold.CALL:
            session.execute(update(RunRow).where(RunRow.id == run.id).values(nudged=True))


def wake_about(session: Session, subject: tuple[str, str], but: str | None = None) -> None:
    """Call `wake` for every live run about this subject except `but`, the run that asks for it."""
    wake(session, [id for id in live_runs(session, subject) if id != but])


def cancel(session: Session, id: str) -> None:
    """Ask the run to turn back at its next claim. Safe to call twice. Raises NotPossible("too_late_to_cancel").

    A call under way is waited for; if it is the pivot's or the last and succeeds, the run goes on.
    """
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
    """Lock the run and return its workflow, step name and direction, which stay so until the transaction ends."""
    run, row = _get(session, id)
    return row.workflow, run.name, run.direction


def retry(session: Session, id: str, *, by: str) -> None:
    """Try the step that needs attention again, for all its time. Raises NotPossible("not_needing_attention").

    After a refusal it gets a new key. A run whose deadline has passed meanwhile has the time of a new one.
    """
    run = _needing_attention(session, id, "retried", by)
    _renew_deadline(session, run)
    journal.count_refusal(session, run)
    send_from_here(session, [run])


def skip(session: Session, id: str, *, by: str, note: str) -> None:
    """Take the step as done by hand and go on; `by` and `note` become its output. Raises NotPossible as `retry`."""
    run = _needing_attention(session, id, "skipped", by, note)
    journal.mark_skipped(session, run, {"skipped_by": by, "note": note})
    advance_past(session, run)


def give_back(session: Session, id: str, *, by: str) -> None:
    """Turn a run back that has not ended, and undo what was begun; a call under way is waited for.

    Raises NotPossible("not_going_forward") if it has ended or turned back already, and NotPossible("past_the_pivot").
    """
    run, row = _get(session, id)
    if row.state in ENDED or run.direction == Direction.UNDO:
        raise NotPossible("not_going_forward", f"the job is {row.state}, there is nothing to turn back")
    if run.past_pivot:
        raise NotPossible("past_the_pivot", "the job has passed the point of no return; retry or skip the step")
    journal.note_act(session, run, "compensated", by)
    if row.hold == Hold.CALL:
        cancel(session, id)  # a call is under way: turn back as soon as it has answered
        return
    begun = journal.begun_at(session, [run])
    why = Refused("compensated", "turned back on request")  # by whom is in the act, which staff see
    compensate(session, [(run, why, run.step if begun else run.step - 1)])


def _get(session: Session, id: str) -> tuple[Run, RunRow]:
    runs = lock(session, [id])
    if not runs:
        raise NotPossible("not_found", "there is no such job")
    return runs[0], session.get_one(RunRow, id, populate_existing=True)  # not what was read before it was locked


def _renew_deadline(session: Session, run: Run) -> None:
    """Not for plans of workflows that are gone: such a run turns back."""
    workflow = workflows.get(run.plan.workflow)
    if run.late and workflow and workflow.deadline is not None:
        session.execute(update(RunRow).where(RunRow.id == run.id).values(deadline_at=in_seconds(workflow.deadline)))


def _needing_attention(session: Session, id: str, act: str, by: str, note: str | None = None) -> Run:
    """Lock the run and note the act. Returns the run with the error that turned it back, if any, as its error."""
    run, row = _get(session, id)
    if row.state != State.NEEDS_ATTENTION:
        raise NotPossible(
            "not_needing_attention", f"the job is {row.state}; only one that needs attention can be helped"
        )
    journal.note_act(session, run, act, by, note)
    cause = (run.error or {}).get("cause")
    session.execute(update(RunRow).where(RunRow.id == id).values(error=cause, wait_until=None))
    return replace(run, error=cause)
