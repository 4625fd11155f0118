"""From outcomes to the next place of each run: the one state machine of the engine.

Whatever a whole group shares is one UPDATE; only runs that did not end well are written one by one.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Update, bindparam, case, func, update
from sqlalchemy.orm import Session

from db import TROUBLE
from engine import journal
from engine.claim import Run
from engine.dispatch import send_after_commit
from engine.plan import Plan
from engine.states import Direction, Hold, Mark, State
from engine.steps import Done, Result, StepTask, hooks
from engine.tables import RunRow
from engine.timing import PATIENCE
from outcomes import Outcome, Refused, TryAgain, Wait
from sql import DOCUMENT, among, clock, later

log = logging.getLogger(__name__)

CANCELLED = Refused("cancelled", "cancelled on request")
TOO_LATE = Refused("deadline_exceeded", "it took longer than it may")


def settle(session: Session, step: StepTask, results: Sequence[tuple[Run, Result]], *, begun: bool) -> bool:
    """Write down how a step ended for these runs and move each to its next place.

    Returns whether any of them goes on along its chain.
    """
    judged = [(run, _judge(step, run, result)) for run, result in results]
    journal.record(session, [_line(run, result) for run, result in judged], begun=begun)
    done: dict[tuple[Plan, int, str], list[tuple[Run, Done]]] = defaultdict(list)
    for run, result in judged:
        if isinstance(result, Done):
            done[run.plan, run.step, run.direction].append((run, result))
        elif begun and run.stopped and not isinstance(result, Refused):
            compensate(session, run, _why_stopped(run), run.step)  # asked for while the call was under way
        else:
            _hold_back(session, step, run, result)
    moved = [_go_on(session, *where, group) for where, group in done.items()]
    return any(moved)


def turn_back(session: Session, runs: Sequence[Run]) -> None:
    """Send runs that were cancelled or came too late back, from the newest step they have begun."""
    begun = journal.begun_at(session, runs) if runs else set()
    for run in runs:
        compensate(session, run, _why_stopped(run), run.step if run.id in begun else run.step - 1)


def _why_stopped(run: Run) -> Refused:
    return CANCELLED if run.cancel_requested else TOO_LATE


def compensate(session: Session, run: Run, why: Outcome, newest: int) -> None:
    """Undo from `newest` down; with nothing to undo the run has failed here and now."""
    error = run.error or _document(why)
    step = run.plan.undo_from(newest)
    if step is None:
        _fail(session, [run], error)
        return
    place(session, run, State.COMPENSATING, step, Direction.UNDO, error=error)
    send_after_commit(session, run.plan, step, Direction.UNDO, [run.id])


def _judge(step: StepTask, run: Run, result: Result) -> Result:
    """Tries that have run out, and waits past their deadline, are refusals."""
    if isinstance(result, TryAgain) and run.attempt + 1 >= step.retry_for(run.direction).attempts:
        return _GaveUp(result.code, result.detail)
    if isinstance(result, Wait) and run.expired:
        return Refused(result.code, result.detail)
    return result


class _GaveUp(Refused):
    """Tried as often as allowed. Unlike a plain refusal the outside may know of it: the key must stay."""


def _line(run: Run, result: Result) -> journal.Line:
    match result:
        case Done():
            return run, Mark.DONE, result.output, None
        case Wait():
            return run, Mark.WAITING, result.output, None
        case _GaveUp():
            return run, Mark.FAILED, None, result
        case Refused():
            return run, Mark.REFUSED, None, result
        case _:
            return run, Mark.BEGUN, None, result


# --- forward, or further back --------------------------------------------------------------------


def _go_on(session: Session, plan: Plan, step: int, direction: str, group: Sequence[tuple[Run, Done]]) -> bool:
    runs = [run for run, _ in group]
    following = plan.after(step, direction)
    if following is not None:
        _advance(session, plan, following, direction, runs)
        return True
    if direction == Direction.DO:
        _succeed(session, group)
    else:
        for run in runs:
            _fail(session, [run], run.error or {})
    return False


def _due() -> ColumnElement[Any]:
    """When to look again. Left alone while it is far enough away, so that the row's index entry stays."""
    return case((RunRow.due_at > later(PATIENCE / 2), RunRow.due_at), else_=later(PATIENCE))


_ADVANCE = (
    update(RunRow)
    .where(among(RunRow.id, "ids"))
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
        version=RunRow.version + 1,
        due_at=_due(),
        sent_at=clock(),
        updated_at=clock(),
    )
    .execution_options(synchronize_session=False)
)


def _advance(session: Session, plan: Plan, step: int, direction: str, runs: Sequence[Run]) -> None:
    state = State.RUNNING if direction == Direction.DO else State.COMPENSATING
    session.execute(
        _ADVANCE,
        {
            "ids": [run.id for run in runs],
            "next_step": step,
            "next_task": plan.task(step, direction),
            "next_state": state,
        },
    )


def _ending(state: State) -> Update:
    """Final, with the errors and results of the runs given as one JSON object by id."""
    return (
        update(RunRow)
        .values(
            state=state,
            hold=Hold.END,
            task=None,
            due_at=None,
            version=RunRow.version + 1,
            updated_at=clock(),
            finished_at=clock(),
        )
        .execution_options(synchronize_session=False)
    )


_SUCCEED = _ending(State.SUCCEEDED).where(among(RunRow.id, "ids"))
_SUCCEED_WITH = (
    _ending(State.SUCCEEDED).where(RunRow.id == bindparam("run")).values(result=bindparam("output", type_=DOCUMENT))
)
_FAIL = _ending(State.FAILED).where(RunRow.id == bindparam("run")).values(error=bindparam("why", type_=DOCUMENT))


def _succeed(session: Session, group: Sequence[tuple[Run, Done]]) -> None:
    silent = [run.id for run, done in group if not done.output]
    if silent:
        session.execute(_SUCCEED, {"ids": silent})
    for run, done in group:
        if done.output:
            session.execute(_SUCCEED_WITH, {"run": run.id, "output": done.output})


def _fail(session: Session, runs: Sequence[Run], error: dict[str, Any]) -> None:
    for run in runs:
        session.execute(_FAIL, {"run": run.id, "why": error})
        if run.plan.on_failed:
            hooks[run.plan.on_failed].work(session, [run])


def advance_past(session: Session, run: Run) -> None:
    """Go on as if this step were done, for an operator who settled it by hand."""
    if _go_on(session, run.plan, run.step, run.direction, [(run, Done())]):
        following = run.plan.after(run.step, run.direction)
        assert following is not None
        send_after_commit(session, run.plan, following, run.direction, [run.id])


# --- not now, or not at all -----------------------------------------------------------------------


def _hold_back(session: Session, step: StepTask, run: Run, result: Result) -> None:
    match result:
        case Wait() if run.direction == Direction.DO:
            _wait(session, run, result)
        case TryAgain():
            attempt = run.attempt + 1
            pause = result.after if result.after is not None else step.retry_for(run.direction).delay(attempt)
            place(session, run, _moving(run), run.step, run.direction, hold=Hold.BACKOFF, due=pause, attempt=attempt)
        case Outcome():
            _stop(session, run, result)


def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Stop runs that took their workers down with them, or vanished with them, too often."""
    why = _GaveUp("worker_lost", "the worker was lost at this step again and again")
    journal.record(session, [(run, Mark.FAILED, None, why) for run in runs], begun=False)
    for run in runs:
        _stop(session, run, why)


def _stop(session: Session, run: Run, why: Outcome) -> None:
    if run.direction == Direction.UNDO or run.past_pivot:
        _call_for_help(session, run, why)
    elif isinstance(why, _GaveUp):
        _compensate_or_call(session, run, why)
    else:
        compensate(session, run, why, run.step)


def _compensate_or_call(session: Session, run: Run, why: Outcome) -> None:
    """Nothing comes after the last attempt: an `on_failed` that breaks even then must not keep the run for ever."""
    try:
        with session.begin_nested():
            compensate(session, run, why, run.step)
    except TROUBLE:
        raise
    except Exception as error:
        log.error("run %s could not be ended as failed", run.id, exc_info=error)
        _call_for_help(session, run, why)


def _moving(run: Run) -> State:
    return State.RUNNING if run.direction == Direction.DO else State.COMPENSATING


def _wait(session: Session, run: Run, result: Wait) -> None:
    """Rest until woken or until the first wait's deadline; a nudge that came during the call counts at once."""
    if run.nudged:
        place(session, run, State.RUNNING, run.step, run.direction)
        send_after_commit(session, run.plan, run.step, run.direction, [run.id])
    else:
        place(session, run, State.WAITING, run.step, run.direction, hold=Hold.WAIT, due=result.seconds)
        session.execute(_NO_LONGER, {"run": run.id, "past_pivot": run.past_pivot})
    session.execute(_WAIT_UNTIL, {"run": run.id, "seconds": result.seconds})


_WAIT_UNTIL = (
    update(RunRow)
    .where(RunRow.id == bindparam("run"))
    .values(wait_until=func.coalesce(RunRow.wait_until, later(bindparam("seconds"))))
    .execution_options(synchronize_session=False)
)


def _sooner(one: Any, other: Any) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)


# Neither than the first wait at this step said, nor than the run as a whole may take.
_NO_LONGER = (
    update(RunRow)
    .where(RunRow.id == bindparam("run"))
    .values(
        due_at=_sooner(
            RunRow.wait_until,
            case(
                (bindparam("past_pivot", type_=Boolean), RunRow.due_at),
                else_=_sooner(RunRow.deadline_at, RunRow.due_at),
            ),
        )
    )
    .execution_options(synchronize_session=False)
)

_PLACE = (
    update(RunRow)
    .where(RunRow.id == bindparam("run"))
    .values(
        state=bindparam("next_state"),
        step=bindparam("next_step"),
        direction=bindparam("next_direction"),
        task=bindparam("next_task"),
        hold=bindparam("next_hold"),
        attempt=bindparam("next_attempt"),
        error=func.coalesce(bindparam("why", type_=DOCUMENT), RunRow.error),
        losses=0,
        nudged=False,
        finished_at=None,
        version=RunRow.version + 1,
        due_at=later(bindparam("due")),
        sent_at=clock(),
        updated_at=clock(),
    )
    .execution_options(synchronize_session=False)
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
    session.execute(
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


_HELP = (
    _ending(State.NEEDS_ATTENTION)
    .where(RunRow.id == bindparam("run"))
    .values(error=bindparam("why", type_=DOCUMENT), task=RunRow.task)
)


def _call_for_help(session: Session, run: Run, why: Outcome) -> None:
    """Neither forward nor back by itself: a person is told and can retry, skip or compensate."""
    error = {**_document(why), "step": run.name, "direction": run.direction}
    if run.error:
        error["cause"] = run.error
    session.execute(_HELP, {"run": run.id, "why": error})


def _document(why: Outcome) -> dict[str, Any]:
    return {"code": why.code, "detail": why.detail}
