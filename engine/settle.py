"""From outcomes to the next place of each run: the one state machine of the engine."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from db import TROUBLE
from engine import journal, moves
from engine.claim import Run
from engine.dispatch import send_after_commit
from engine.plan import Plan
from engine.states import Direction, Mark, State
from engine.steps import Done, Result, StepTask, hooks
from outcomes import Outcome, Refused, TryAgain, Wait

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


def compensate(session: Session, run: Run, why: Outcome, newest: int) -> None:
    """Undo from `newest` down; with nothing to undo the run has failed here and now."""
    journal.stop(session, run)
    error = run.error or _document(why)
    step = run.plan.undo_from(newest)
    if step is None:
        _fail(session, run, error)
        return
    moves.place(session, run, State.COMPENSATING, step, Direction.UNDO, error=error)
    send_after_commit(session, run.plan, step, Direction.UNDO, [run.id])


def send_from_here(session: Session, run: Run) -> None:
    """Take a run that was held back, or had called for help, before its step again."""
    moves.place(session, run, moves.moving(run.direction), run.step, run.direction)
    send_after_commit(session, run.plan, run.step, run.direction, [run.id])


def advance_past(session: Session, run: Run) -> None:
    """Go on as if this step were done, for an operator who settled it by hand."""
    if _go_on(session, run.plan, run.step, run.direction, [(run, Done())]):
        following = run.plan.after(run.step, run.direction)
        assert following is not None
        send_after_commit(session, run.plan, following, run.direction, [run.id])


def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Stop runs that took their workers down with them, or vanished with them, too often."""
    why = _GaveUp("worker_lost", "the worker was lost at this step again and again")
    journal.record(session, [(run, Mark.FAILED, None, why) for run in runs], begun=False)
    for run in runs:
        _stop(session, run, why)


# --- judging ----------------------------------------------------------------------------------------


def _judge(step: StepTask, run: Run, result: Result) -> Result:
    """Tries that have run out, and waits past their deadline, are refusals."""
    if isinstance(result, TryAgain) and run.attempt + 1 >= step.retry_for(run.direction).attempts:
        return _GaveUp(result.code, result.detail)
    if isinstance(result, Wait) and run.expired:
        return Refused(result.code, result.detail)
    return result


class _GaveUp(Refused):
    """Tried as often as allowed. Unlike a plain refusal the outside may know of it: the key must stay."""


def _why_stopped(run: Run) -> Refused:
    return CANCELLED if run.cancel_requested else TOO_LATE


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


# --- moving -----------------------------------------------------------------------------------------


def _go_on(session: Session, plan: Plan, step: int, direction: str, group: Sequence[tuple[Run, Done]]) -> bool:
    following = plan.after(step, direction)
    if following is not None:
        moves.advance(session, plan, following, direction, [run for run, _ in group])
        return True
    if direction == Direction.DO:
        moves.succeed(session, [(run, done.output) for run, done in group])
    else:
        for run, _ in group:
            _fail(session, run, run.error or {})
    return False


def _fail(session: Session, run: Run, error: dict[str, Any]) -> None:
    moves.fail(session, run, error)
    if run.plan.on_failed:
        hooks[run.plan.on_failed].work(session, [replace(run, error=error)])


def _hold_back(session: Session, step: StepTask, run: Run, result: Result) -> None:
    match result:
        case Wait() if run.direction == Direction.DO:
            _wait(session, run, result)
        case TryAgain():
            attempt = run.attempt + 1
            pause = result.after if result.after is not None else step.retry_for(run.direction).delay(attempt)
            moves.back_off(session, run, pause, attempt)
        case Outcome():
            _stop(session, run, result)


def _wait(session: Session, run: Run, result: Wait) -> None:
    """Rest, unless a nudge came during the call: that counts at once."""
    if run.nudged:
        send_from_here(session, run)
    else:
        moves.rest(session, run, result.seconds)
    moves.remember_deadline(session, run, result.seconds)


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


def _call_for_help(session: Session, run: Run, why: Outcome) -> None:
    """A person is told, with what turned the run back, if anything did."""
    error = {**_document(why), "step": run.name, "direction": run.direction}
    if run.error:
        error["cause"] = run.error
    moves.call_for_help(session, run, error)


def _document(why: Outcome) -> dict[str, Any]:
    return {"code": why.code, "detail": why.detail}
