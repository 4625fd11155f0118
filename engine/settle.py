"""From outcomes to the next place of each run: the one state machine of the engine."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from db import TROUBLE
from engine import attention, journal, reposition, transitions
from engine.claim import Run
from engine.dispatch import send_after_commit
from engine.limits import LONGEST_PAUSE, LONGEST_RETRY_AFTER, REST
from engine.outcomes import More, Outcome, TryAgain, Wait
from engine.plan import Plan
from engine.states import Direction, Hold, Mark, State
from engine.steps import Done, Fault, Result, StepTask, hooks
from engine.verdicts import (
    GaveUp,
    PutAside,
    TurnBack,
    is_unsent,
    judge,
    line,
    may_turn,
    sort_out,
    time_left,
    why_stopped,
)

log = logging.getLogger(__name__)


def settle(session: Session, step: StepTask, results: Sequence[tuple[Run, Result]], *, begun: bool) -> bool:
    """Write down how a step ended for these runs and move each to its next place.

    Returns whether any of them goes on along its chain.
    """
    judged = [(run, judge(step, run, result)) for run, result in _with_their_faults(session, results)]
    news = [(run, result) for run, result in judged if not _is_no_news(run, result)]
    journal.record(session, [line(run, result) for run, result in news], begun=begun)
    journal.count_unsent(session, [run for run, result in news if is_unsent(result)])
    ways = sort_out(judged, begun=begun)
    compensate(session, ways.turning)
    _wait(session, ways.waiting)
    reposition.write(session, [_again(step, run, result) for run, result in ways.trying])
    _take_turns(session, ways.turns)
    for run, result in ways.stuck:
        _stop(session, run, result)
    moved = [_go_on(session, *where, group) for where, group in ways.done.items()]
    return any(moved)


def turn_back(session: Session, runs: Sequence[Run]) -> None:
    """Send runs that were cancelled or came too late back, from the newest step they have begun."""
    begun = journal.begun_at(session, runs) if runs else set()
    whys = [(run, why_stopped(run), run.step if run.id in begun else run.step - 1) for run in runs]
    compensate(session, [turn for turn in whys if not _is_broken(turn[1])])
    for run, why, _ in whys:
        if _is_broken(why):
            _stop(session, run, why)


def compensate(session: Session, turning: Sequence[TurnBack]) -> None:
    """Undo from the newest step begun down; a run with nothing to undo has failed here and now."""
    if not turning:
        return
    journal.stop(session, [run for run, _, _ in turning])
    back = [(run, run.plan.undo_from(newest), run.error or _document(why)) for run, why, newest in turning]
    reposition.write(session, [reposition.way_back(run, step, error) for run, step, error in back if step is not None])
    for run, step, _ in back:
        if step is not None:
            send_after_commit(session, run.plan, step, Direction.UNDO, [run.id])
    _fail(session, [(run, error) for run, step, error in back if step is None])


def send_from_here(session: Session, runs: Sequence[Run]) -> None:
    """Take runs that were held back, or had called for help, before their step again."""
    reposition.write(session, [reposition.here(run) for run in runs])
    for run in runs:
        send_after_commit(session, run.plan, run.step, run.direction, [run.id])


def advance_past(session: Session, run: Run) -> None:
    """Go on as if this step were done, for an operator who settled it by hand."""
    if _go_on(session, run.plan, run.step, run.direction, [(run, Done())]):
        following = run.plan.after(run.step, run.direction)
        assert following is not None
        send_after_commit(session, run.plan, following, run.direction, [run.id])


def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Stop runs that took their workers down with them, or vanished with them, too often."""
    why = GaveUp("worker_lost", "the worker was lost at this step again and again")
    journal.record(session, [(run, Mark.FAILED, None, why) for run in runs], begun=False)
    for run in runs:
        _stop(session, run, why)


def _with_their_faults(session: Session, results: Sequence[tuple[Run, Result]]) -> list[tuple[Run, Result]]:
    """How long somebody else was away before does not count for the patience with a fault of our own."""
    faulty = [run for run, result in results if isinstance(result, Fault)]
    broken = journal.broken_for(session, faulty) if faulty else {}
    return [(replace(run, broken=broken[run.id]) if run.id in broken else run, result) for run, result in results]


# --- moving -----------------------------------------------------------------------------------------


def _go_on(session: Session, plan: Plan, step: int, direction: str, group: Sequence[tuple[Run, Done]]) -> bool:
    following = plan.after(step, direction)
    if following is not None:
        transitions.advance(session, plan, following, direction, [run for run, _ in group])
        return True
    if direction == Direction.DO:
        transitions.succeed(session, [(run, done.output) for run, done in group])
    else:
        _fail(session, [(run, run.error or {}) for run, _ in group])
    return False


def _fail(session: Session, failures: Sequence[tuple[Run, dict[str, Any]]]) -> None:
    transitions.fail(session, failures)
    by_hook: dict[str, list[Run]] = defaultdict(list)
    for run, error in failures:
        if run.plan.on_failed:
            by_hook[run.plan.on_failed].append(replace(run, error=error))
    for hook, runs in by_hook.items():
        hooks[hook].work(session, runs)


def _again(step: StepTask, run: Run, result: TryAgain) -> reposition.NextState:
    """Before the same step, but not before its pause is over; at the end of its time once more."""
    attempt = run.attempt if isinstance(result, PutAside) else run.attempt + 1
    due = min(_pause(step, run, result), time_left(step, run, result))
    away = result.gateway if result.away else None
    return replace(reposition.here(run), hold=Hold.BACKOFF, due=due, attempt=attempt, troubled=True, waiting_for=away)


def _pause(step: StepTask, run: Run, result: TryAgain) -> float:
    """What the outside asks for is the least."""
    if isinstance(result, PutAside):
        return REST
    return max(step.retry_for(run.direction).delay(run.attempt + 1), min(result.after or 0.0, LONGEST_RETRY_AFTER))


def _is_no_news(run: Run, result: Result) -> bool:
    """It goes on waiting for whom it has waited for."""
    return isinstance(result, PutAside) and run.waiting_for == result.gateway


def _is_broken(why: Result) -> bool:
    return isinstance(why, GaveUp) and why.broken


def _take_turns(session: Session, turns: Sequence[tuple[Run, More]]) -> None:
    """Before the same step, at once or after its pause. It is no attempt that failed, so none is counted."""
    send_from_here(session, [run for run, more in turns if not more.after])
    reposition.write(session, [_next_turn(run, more) for run, more in turns if more.after])


def _next_turn(run: Run, more: More) -> reposition.NextState:
    return replace(reposition.here(run), hold=Hold.BACKOFF, due=min(more.after, LONGEST_PAUSE))


def _wait(session: Session, waiting: Sequence[tuple[Run, Wait]]) -> None:
    """Rest, unless a nudge came during the call: that counts at once."""
    send_from_here(session, [run for run, _ in waiting if run.nudged])
    resting = [(run, wait) for run, wait in waiting if not run.nudged]
    reposition.write(session, [_resting(run, wait) for run, wait in resting])
    reposition.limit_waits(session, [(run, wait.seconds) for run, wait in waiting])


def _resting(run: Run, wait: Wait) -> reposition.NextState:
    return replace(reposition.here(run), state=State.WAITING, hold=Hold.WAIT, due=wait.seconds)


def _stop(session: Session, run: Run, why: Outcome) -> None:
    """It can neither go on nor try again, and either may not turn back or has given up.

    What broke by a fault of our own is not undone unseen: whether to, a person decides.
    """
    if may_turn(run) and not _is_broken(why):
        _compensate_or_call(session, run, why)
    else:
        _call_for_help(session, run, why)


def _compensate_or_call(session: Session, run: Run, why: Outcome) -> None:
    """Nothing comes after the last attempt: an `on_failed` that breaks even then must not keep the run for ever."""
    try:
        with session.begin_nested():
            compensate(session, [(run, why, run.step)])
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
    transitions.call_for_help(session, run, error)
    attention.tell(session, run, error)


def _document(why: Outcome) -> dict[str, Any]:
    return {"code": why.code, "detail": why.detail}
