"""Writing down what happened: one row a step and direction, and every failed attempt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from engine.claim import Run
from engine.states import Direction, Mark
from engine.tables import FailedAttemptRow, JournalRow
from outcomes import Outcome
from sql import INSERT, among, bare, clock, dialect, new_id, now, write_many

Line = tuple[Run, Mark, dict[str, Any] | None, Outcome | None]


def begin(session: Session, runs: Sequence[Run]) -> None:
    """Commit to an intent: from here on the step counts as begun and will be undone."""
    _write(session, [_values(run, Mark.BEGUN) for run in runs], again=True)


def record(session: Session, lines: Sequence[Line], *, begun: bool) -> None:
    """Say how steps ended. `begun`: their attempt was counted when the intent was committed."""
    rows = [_values(run, mark, output, error) for run, mark, output, error in lines]
    _write(session, rows, again=not begun)
    _keep_failures(session, [(run, error) for run, _, _, error in lines if error is not None])


def keys(session: Session, runs: Sequence[Run]) -> dict[str, str]:
    """The idempotency key of each run's call: `run:step`, the same for every attempt.

    Only after a definite no that an operator chose to try again does the key change: nothing happened
    under the old one, and a strict provider would repeat its refusal for ever.
    """
    refusals = _refusals(session, runs)
    return {run.id: _key(run, refusals.get((run.id, run.step, run.direction), 0)) for run in runs}


def begun_at(session: Session, runs: Sequence[Run]) -> set[str]:
    """The ids of those runs whose present step was begun in an earlier attempt."""
    rows = _present(session, runs, JournalRow.refusals)
    here = {(run.id, run.step, run.direction) for run in runs}
    return {row.run_id for row in rows if (row.run_id, row.step, row.direction) in here}


def mark_skipped(session: Session, run: Run, note: dict[str, Any]) -> None:
    _write(session, [_values(run, Mark.SKIPPED, note)], again=False)


def stop(session: Session, run: Run) -> None:
    """The run turns back: a step that was waiting, or to be tried again, is open no longer."""
    session.execute(_STOP, {"run": run.id})


def count_refusal(session: Session, run: Run) -> None:
    """An operator overrides a definite no: the next call needs a key of its own."""
    row = JournalRow
    session.execute(
        update(row)
        .where(row.run_id == run.id, row.step == run.step, row.direction == run.direction, row.state == Mark.REFUSED)
        .values(refusals=row.refusals + 1)
    )


_STOP = (
    update(JournalRow)
    .where(JournalRow.run_id == bindparam("run"), JournalRow.direction == Direction.DO)
    .where(JournalRow.state.in_((Mark.BEGUN, Mark.WAITING)))
    .values(state=Mark.STOPPED, finished_at=clock())
    .execution_options(synchronize_session=False)
)


def _key(run: Run, refusals: int) -> str:
    undo = ":undo" if run.direction == "undo" else ""
    return f"{run.id}:{run.name}{undo}" + (f":{refusals}" if refusals else "")


def _refusals(session: Session, runs: Sequence[Run]) -> dict[tuple[str, int, str], int]:
    rows = _present(session, runs, JournalRow.refusals)
    return {(row.run_id, row.step, row.direction): row.refusals for row in rows if row.refusals}


def _present(session: Session, runs: Sequence[Run], column: Any) -> Sequence[Any]:
    statement = select(JournalRow.run_id, JournalRow.step, JournalRow.direction, column)
    steps = {run.step for run in runs}
    return session.execute(
        statement.where(among(JournalRow.run_id, "ids"), JournalRow.step.in_(steps)), {"ids": [run.id for run in runs]}
    ).all()


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
    if not rows:
        return
    for finished in (True, False):
        part = [{k: v for k, v in row.items() if k != "finished"} for row in rows if row["finished"] is finished]
        if part:
            write_many(session, _insert(dialect(session), again, finished), part)


@cache
def _insert(kind: str, again: bool, finished: bool) -> Any:
    """Made once: its text would cost more than its work."""
    table = bare(JournalRow)
    base = INSERT[kind](table).values(started_at=now(), finished_at=clock() if finished else None)
    fresh = base.excluded
    changed = {
        "state": fresh.state,
        "output": func.coalesce(fresh.output, JournalRow.output),
        "error": fresh.error,
        "finished_at": fresh.finished_at,
        **({"attempts": JournalRow.attempts + 1} if again else {}),
    }
    return base.on_conflict_do_update(index_elements=["run_id", "step", "direction"], set_=changed)


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
        write_many(session, insert(bare(FailedAttemptRow)).values(at=clock()), rows)
