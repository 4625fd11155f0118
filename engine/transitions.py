"""Statements that move runs along their chain and to an end. `settle.py` decides which; the runs must be locked.

Runs that get the same values are moved by one UPDATE.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Update, bindparam, case, update
from sqlalchemy.orm import Session

from db.functions import in_list, in_seconds, statement_time
from db.schema import DOCUMENT
from db.statements import execute_core, table_of
from engine.claim import Run
from engine.limits import PATIENCE
from engine.plan import Plan
from engine.states import Direction, Hold, State
from engine.tables import RunRow

RUNS = table_of(RunRow)
_RUN = RUNS.c


def moving(direction: str) -> State:
    """Return the state of a run that goes in this direction."""
    return State.RUNNING if direction == Direction.DO else State.COMPENSATING


# --- along the chain ---------------------------------------------------------------------------------

_ADVANCE = (
    update(RUNS)
    .where(in_list(_RUN.id, "ids"))
    .values(
        step=bindparam("next_step"),
        task=bindparam("next_task"),
        state=bindparam("next_state"),
        hold=Hold.NONE,
        attempt=0,
        losses=0,
        claims=0,
        nudged=False,
        wait_until=None,
        troubled_since=None,
        waiting_for=None,
        finished_at=None,  # an operator's skip goes on from what had been an end
        version=_RUN.version + 1,
        # Left alone while it is far enough away, so that the row's index entry stays (decision 5).
        due_at=case(
            (_RUN.due_at.between(in_seconds(PATIENCE / 2), in_seconds(PATIENCE)), _RUN.due_at),
            else_=in_seconds(PATIENCE),
        ),
        sent_at=statement_time(),
        updated_at=statement_time(),
    )
)


def advance(session: Session, plan: Plan, step: int, direction: str, runs: Sequence[Run]) -> None:
    """Move these runs of one plan before `step`, forwards or back, by one UPDATE."""
    there = {"next_step": step, "next_task": plan.task(step, direction), "next_state": moving(direction)}
    execute_core(session, _ADVANCE, {"ids": [run.id for run in runs], **there})


# --- to an end ------------------------------------------------------------------------------------------


def _end(state: State) -> Update:
    return (
        update(RUNS)
        .where(in_list(_RUN.id, "ids"))
        .values(
            state=state,
            hold=Hold.END,
            task=None,
            due_at=None,
            troubled_since=None,
            waiting_for=None,
            version=_RUN.version + 1,
            updated_at=statement_time(),
            finished_at=statement_time(),
        )
    )


_SUCCEED = _end(State.SUCCEEDED).values(result=bindparam("output", type_=DOCUMENT))
_FAIL = _end(State.FAILED).values(error=bindparam("why", type_=DOCUMENT))
_HELP = _end(State.NEEDS_ATTENTION).values(error=bindparam("why", type_=DOCUMENT), task=_RUN.task)


def succeed(session: Session, outputs: Sequence[tuple[Run, dict[str, Any] | None]]) -> None:
    """End runs as succeeded, each with the output of its last step as its result."""
    for ids, output in _alike(outputs):
        execute_core(session, _SUCCEED, {"ids": ids, "output": output})


def fail(session: Session, failures: Sequence[tuple[Run, dict[str, Any]]]) -> None:
    """End runs as failed, each with its error. Everything they began must be undone by then."""
    for ids, error in _alike(failures):
        execute_core(session, _FAIL, {"ids": ids, "why": error})


def call_for_help(session: Session, run: Run, error: dict[str, Any]) -> None:
    """End a run as needing attention. It stays before its task, for an operator's retry."""
    execute_core(session, _HELP, {"ids": [run.id], "why": error})


def _alike(documents: Iterable[tuple[Run, Any]]) -> Iterator[tuple[list[str], Any]]:
    """Group the runs by equal documents; yield the ids of each group with its document."""
    ids: dict[str, list[str]] = defaultdict(list)
    for run, document in documents:
        ids[json.dumps(document, sort_keys=True)].append(run.id)
    for text, those in ids.items():
        yield those, json.loads(text)
