"""The statements that move runs from place to place; what decides on them is `settle.py`.

Whatever a whole group shares is one UPDATE; only runs that did not end well are written one by one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Update, bindparam, case, func, update
from sqlalchemy.orm import Session

from engine.claim import Run
from engine.plan import Plan
from engine.states import Direction, Hold, State
from engine.tables import RunRow
from engine.timing import PATIENCE
from sql import DOCUMENT, among, bare, clock, direct, later

RUNS = bare(RunRow)
_RUN = RUNS.c


def moving(direction: str) -> State:
    """What a run that goes this way is seen as."""
    return State.RUNNING if direction == Direction.DO else State.COMPENSATING


def _sooner(one: Any, other: Any) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)


# --- along the chain ---------------------------------------------------------------------------------

_ADVANCE = (
    update(RUNS)
    .where(among(_RUN.id, "ids"))
    .values(
        step=bindparam("next_step"),
        task=bindparam("next_task"),
        state=bindparam("next_state"),
        hold=Hold.NONE,
        attempt=0,
        losses=0,
        nudged=False,
        wait_until=None,
        finished_at=None,  # an operator's skip goes on from what had been an end
        version=_RUN.version + 1,
        # Left alone while it is far enough away, so that the row's index entry stays (decision 5).
        due_at=case((_RUN.due_at > later(PATIENCE / 2), _RUN.due_at), else_=later(PATIENCE)),
        sent_at=clock(),
        updated_at=clock(),
    )
)


def advance(session: Session, plan: Plan, step: int, direction: str, runs: Sequence[Run]) -> None:
    """To the next step, forwards or back, for the whole group at once."""
    there = {"next_step": step, "next_task": plan.task(step, direction), "next_state": moving(direction)}
    direct(session, _ADVANCE, {"ids": [run.id for run in runs], **there})


# --- to an end ------------------------------------------------------------------------------------------


def _end(state: State) -> Update:
    return (
        update(RUNS)
        .where(among(_RUN.id, "ids"))
        .values(
            state=state,
            hold=Hold.END,
            task=None,
            due_at=None,
            version=_RUN.version + 1,
            updated_at=clock(),
            finished_at=clock(),
        )
    )


_SUCCEED = _end(State.SUCCEEDED).values(result=bindparam("output", type_=DOCUMENT))
_FAIL = _end(State.FAILED).values(error=bindparam("why", type_=DOCUMENT))
_HELP = _end(State.NEEDS_ATTENTION).values(error=bindparam("why", type_=DOCUMENT), task=_RUN.task)


def succeed(session: Session, outputs: Sequence[tuple[Run, dict[str, Any] | None]]) -> None:
    """The last step is done; what it brought is the run's result. Those with the same result are one UPDATE."""
    alike: dict[str, list[str]] = defaultdict(list)
    for run, output in outputs:
        alike[json.dumps(output, sort_keys=True)].append(run.id)
    for result, ids in alike.items():
        direct(session, _SUCCEED, {"ids": ids, "output": json.loads(result)})


def fail(session: Session, run: Run, error: dict[str, Any]) -> None:
    """Everything begun is undone."""
    direct(session, _FAIL, {"ids": [run.id], "why": error})


def call_for_help(session: Session, run: Run, error: dict[str, Any]) -> None:
    """Neither forward nor back by itself. It stays before its task, for an operator's retry."""
    direct(session, _HELP, {"ids": [run.id], "why": error})


# --- anywhere else, one by one ----------------------------------------------------------------------------

_PLACE = (
    update(RUNS)
    .where(_RUN.id == bindparam("run"))
    .values(
        state=bindparam("next_state"),
        step=bindparam("next_step"),
        direction=bindparam("next_direction"),
        task=bindparam("next_task"),
        hold=bindparam("next_hold"),
        attempt=bindparam("next_attempt"),
        error=func.coalesce(bindparam("why", type_=DOCUMENT), _RUN.error),
        losses=0,
        nudged=False,
        finished_at=None,
        version=_RUN.version + 1,
        due_at=later(bindparam("due")),
        sent_at=clock(),
        updated_at=clock(),
    )
)


def place(
    session: Session,
    run: Run,
    state: State,
    step: int,
    direction: str,
    *,
    hold: Hold = Hold.NONE,
    due: float = PATIENCE,
    attempt: int = 0,
    error: dict[str, Any] | None = None,
) -> None:
    """Put a run before a step, to be taken now or, with a `hold`, looked at in `due` seconds."""
    direct(
        session,
        _PLACE,
        {
            "run": run.id,
            "next_state": state,
            "next_step": step,
            "next_direction": direction,
            "next_task": run.plan.task(step, direction),
            "next_hold": hold,
            "next_attempt": attempt,
            "why": error,
            "due": due,
        },
    )


_WAIT_UNTIL = (
    update(RUNS)
    .where(_RUN.id == bindparam("run"))
    .values(wait_until=func.coalesce(_RUN.wait_until, later(bindparam("seconds"))))
)
# Neither longer than the first wait at this step said, nor than the run as a whole may take.
_NO_LONGER = (
    update(RUNS)
    .where(_RUN.id == bindparam("run"))
    .values(
        due_at=_sooner(
            _RUN.wait_until,
            case(
                (bindparam("past_pivot", type_=Boolean), _RUN.due_at),
                else_=_sooner(_RUN.deadline_at, _RUN.due_at),
            ),
        )
    )
)


def back_off(session: Session, run: Run, pause: float, attempt: int) -> None:
    """Before the same step again, but not before `pause` seconds are over."""
    state = moving(run.direction)
    place(session, run, state, run.step, run.direction, hold=Hold.BACKOFF, due=pause, attempt=attempt)


def rest(session: Session, run: Run, seconds: float) -> None:
    """Wait until woken, or until the first wait's deadline."""
    place(session, run, State.WAITING, run.step, run.direction, hold=Hold.WAIT, due=seconds)
    direct(session, _NO_LONGER, {"run": run.id, "past_pivot": run.past_pivot})


def remember_deadline(session: Session, run: Run, seconds: float) -> None:
    """The first wait at a step says how long; later ones do not extend it."""
    direct(session, _WAIT_UNTIL, {"run": run.id, "seconds": seconds})
