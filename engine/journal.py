"""The journal: one row for each step and direction of a run, and one for each failed attempt and operator's act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, null, select, update
from sqlalchemy.orm import Session

from db.bulk import Many, inserting
from db.functions import age, in_list, statement_time, transaction_time
from db.schema import new_id
from db.statements import execute_core, table_of
from engine.claim import Run
from engine.outcomes import Outcome
from engine.states import Direction, Mark
from engine.steps import Fault
from engine.tables import FailedAttemptRow, JournalRow, OperatorActRow, RunRow

Line = tuple[Run, Mark, dict[str, Any] | None, Outcome | None]


def begin(session: Session, runs: Sequence[Run]) -> None:
    """Write that the present step of these runs is begun, and count the attempt. Once committed it will be undone."""
    _write(session, [_values(run, Mark.BEGUN) for run in runs], again=True)


def record(session: Session, lines: Sequence[Line], *, begun: bool) -> None:
    """Write how the present steps of runs ended, and keep each error as a failed attempt.

    `begun`: the attempt was counted by `begin`; False: it is counted now.
    """
    rows = [_values(run, mark, output, error) for run, mark, output, error in lines]
    _write(session, rows, again=not begun)
    _keep_failures(session, [(run, error) for run, _, _, error in lines if error is not None])


def begun_at(session: Session, runs: Sequence[Run]) -> set[str]:
    """Return the ids of those runs whose present step was begun in an earlier attempt."""
    here = {(run.id, run.step, run.direction) for run in runs}
    rows = execute_core(session, _BEGUN, {"ids": [run.id for run in runs]})
    return {id for id, step, direction in rows if (id, step, direction) in here}


_BEGUN = select(JournalRow.run_id, JournalRow.step, JournalRow.direction).where(in_list(JournalRow.run_id, "ids"))


def mark_skipped(session: Session, run: Run, note: dict[str, Any]) -> None:
    _write(session, [_values(run, Mark.SKIPPED, note)], again=False)


def stop(session: Session, runs: Sequence[Run]) -> None:
    """Mark the open forward steps of these runs (begun or waiting) as stopped: the runs turn back."""
    execute_core(session, _STOP, {"ids": [run.id for run in runs]})


def count_refusal(session: Session, run: Run) -> None:
    """Count the refusal of the present step, if it was refused: the next call then gets a new key (`Run.key`)."""
    row = JournalRow
    session.execute(
        update(row)
        .where(row.run_id == run.id, row.step == run.step, row.direction == run.direction, row.state == Mark.REFUSED)
        .values(refusals=row.refusals + 1)
    )


def note_act(session: Session, run: Run, act: str, by: str, note: str | None = None) -> None:
    """Insert an operator's act on a run, with the run's error: the step's own row will be overwritten."""
    where = {"step": run.name, "direction": run.direction, "error": run.error}
    session.execute(
        insert(OperatorActRow).values(
            id=new_id(), run_id=run.id, act=act, by=by, note=note, **where, at=statement_time()
        )
    )


def count_unsent(session: Session, runs: Sequence[Run]) -> None:
    """Count the last attempt of the present step of these runs as one of which it is certain that no call was sent."""
    here = [{"run_id": run.id, "step": run.step, "direction": run.direction} for run in runs]
    if here:
        _UNSENT(session, here)


def broken_for(session: Session, runs: Sequence[Run]) -> dict[str, float]:
    """Return by run id for how many seconds the present step has been raising Faults.

    A run without an earlier Fault is left out.
    """
    rows = execute_core(session, _BROKEN, {"ids": [run.id for run in runs], "code": Fault.code})
    return dict(rows.all())


def never_sent(session: Session, runs: Sequence[Run]) -> set[str]:
    """Return the ids of those runs, all being undone, whose present step certainly sent no call on the way forward."""
    row = table_of(JournalRow).c
    forward = select(row.run_id, row.step).where(in_list(row.run_id, "ids"), row.direction == Direction.DO)
    unsent = forward.where(row.attempts == row.unsent, row.state.in_((Mark.BEGUN, Mark.STOPPED, Mark.FAILED)))
    found = {tuple(one) for one in execute_core(session, unsent, {"ids": [run.id for run in runs]})}
    return {run.id for run in runs if (run.id, run.step) in found}


def _counting_unsent(_: str, given: Any) -> Any:
    table = table_of(JournalRow)
    here = (table.c.run_id == given.run_id, table.c.step == given.step, table.c.direction == given.direction)
    return update(table).where(*here).values(unsent=table.c.unsent + 1)


_FAULT, _STANDS = table_of(FailedAttemptRow).c, table_of(RunRow).c
_BROKEN = (
    select(_FAULT.run_id, func.max(age(_FAULT.at)))
    .join(table_of(RunRow), (_STANDS.id == _FAULT.run_id) & (_STANDS.step == _FAULT.step))
    .where(in_list(_FAULT.run_id, "ids"), _FAULT.code == bindparam("code"), _FAULT.direction == _STANDS.direction)
    .where(age(_FAULT.at) < age(_STANDS.troubled_since) + 1.0)  # written just before `troubled_since`, if it began so
    .group_by(_FAULT.run_id)
)
_JOURNAL = table_of(JournalRow).c
_UNSENT = Many(_counting_unsent, _JOURNAL.run_id, _JOURNAL.step, _JOURNAL.direction)
_STOP = (
    update(table_of(JournalRow))
    .where(in_list(JournalRow.run_id, "ids"), JournalRow.direction == Direction.DO)
    .where(JournalRow.state.in_((Mark.BEGUN, Mark.WAITING)))
    .values(state=Mark.STOPPED, finished_at=statement_time())
)


def _values(run: Run, mark: Mark, output: dict[str, Any] | None = None, error: Outcome | None = None) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "step": run.step,
        "direction": run.direction,
        "name": run.name,
        "state": mark,
        "output": output,
        "error": {"code": error.code, "detail": error.detail} if error else None,
        "finished": mark not in (Mark.BEGUN, Mark.WAITING),
    }


def _write(session: Session, rows: list[dict[str, Any]], *, again: bool) -> None:
    for finished in (True, False):
        part = [row for row in rows if row["finished"] is finished]
        if part:
            _WRITE[again, finished](session, part)


def _writing(again: bool, finished: bool) -> Many:
    table = table_of(JournalRow)

    def over(insert: Any) -> Any:
        """Overwrite the row of a step written before; an output of None keeps the old one."""
        fresh = insert.excluded
        changed = {
            "state": fresh.state,
            "output": func.coalesce(fresh.output, table.c.output),
            "error": fresh.error,
            "finished_at": fresh.finished_at,
            **({"attempts": table.c.attempts + 1} if again else {}),
        }
        return insert.on_conflict_do_update(index_elements=["run_id", "step", "direction"], set_=changed)

    ended = statement_time() if finished else null()
    return inserting(table, *_COLUMNS, then=over, started_at=transaction_time(), finished_at=ended)


_COLUMNS = ("run_id", "step", "direction", "name", "state", "output", "error")
_WRITE = {(again, finished): _writing(again, finished) for again in (True, False) for finished in (True, False)}
_KEEP = inserting(
    table_of(FailedAttemptRow), "id", "run_id", "step", "direction", "code", "detail", at=statement_time()
)


def _keep_failures(session: Session, failures: Sequence[tuple[Run, Outcome]]) -> None:
    rows = [
        {
            "id": new_id(),
            "run_id": run.id,
            "step": run.step,
            "direction": run.direction,
            "code": error.code,
            "detail": error.detail,
        }
        for run, error in failures
    ]
    if rows:
        _KEEP(session, rows)
