"""The one state machine of the engine: from the results of a step to the next place of each run.

The callers hold the locks of the runs' rows.
"""

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
    """Record how a step ended for these runs and move each to its next place.

    `begun`: its attempt was counted when the intent was committed, as for the answers of calls. Returns whether any of
    the runs goes on along its chain.
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
    """Compensate runs that were cancelled or are past their deadline, from the newest step they have begun.

    A run whose step has last raised a Fault needs attention instead.
    """
    begun = journal.begun_at(session, runs) if runs else set()
    whys = [(run, why_stopped(run), run.step if run.id in begun else run.step - 1) for run in runs]
    compensate(session, [turn for turn in whys if not _is_broken(turn[1])])
    for run, why, _ in whys:
        if _is_broken(why):
            _stop(session, run, why)


def compensate(session: Session, turning: Sequence[TurnBack]) -> None:
    """Send runs to the undo of the newest step they have begun; a run with nothing to undo fails here and now."""
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
    """Release the holds of these runs, also of ones that needed attention, and send them to their step again."""
    reposition.write(session, [reposition.here(run) for run in runs])
    for run in runs:
        send_after_commit(session, run.plan, run.step, run.direction, [run.id])


def advance_past(session: Session, run: Run) -> None:
    """Send the run on as if its step were done: an operator settled it by hand. May end the run."""
    if _go_on(session, run.plan, run.step, run.direction, [(run, Done())]):
        following = run.plan.after(run.step, run.direction)
        assert following is not None
        send_after_commit(session, run.plan, following, run.direction, [run.id])


def give_up(session: Session, runs: Sequence[Run]) -> None:
    """Record `worker_lost` for runs that were lost with their worker too often, and end them.

    They are compensated; past the pivot and in an undo they need attention.
    """
    why = GaveUp("worker_lost", "the worker was lost at this step again and again")
    journal.record(session, [(run, Mark.FAILED, None, why) for run in runs], begun=False)
    for run in runs:
        _stop(session, run, why)


def _with_their_faults(session: Session, results: Sequence[tuple[Run, Result]]) -> list[tuple[Run, Result]]:
    """Give runs that raised a Fault the seconds since their first one: a gateway's absence before does not count."""
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
    """Return the place before the same step, after its pause; at the end of its time it is tried once more."""
    attempt = run.attempt if isinstance(result, PutAside) else run.attempt + 1
    due = min(_pause(step, run, result), time_left(step, run, result))
    away = result.gateway if result.away else None
    return replace(reposition.here(run), hold=Hold.BACKOFF, due=due, attempt=attempt, troubled=True, waiting_for=away)


def _pause(step: StepTask, run: Run, result: TryAgain) -> float:
    """Return the seconds to pause: at least what the gateway asks for."""
    if isinstance(result, PutAside):
        return REST
    return max(step.retry_for(run.direction).delay(run.attempt + 1), min(result.after or 0.0, LONGEST_RETRY_AFTER))


def _is_no_news(run: Run, result: Result) -> bool:
    """Return whether the run merely goes on waiting for the same gateway: then the journal is left alone."""
    return isinstance(result, PutAside) and run.waiting_for == result.gateway


def _is_broken(why: Result) -> bool:
    return isinstance(why, GaveUp) and why.broken


def _take_turns(session: Session, turns: Sequence[tuple[Run, More]]) -> None:
    """Put runs before the same step, at once or after their pause. No failed attempt is counted."""
    send_from_here(session, [run for run, more in turns if not more.after])
    reposition.write(session, [_next_turn(run, more) for run, more in turns if more.after])


def _next_turn(run: Run, more: More) -> reposition.NextState:
    return replace(reposition.here(run), hold=Hold.BACKOFF, due=min(more.after, LONGEST_PAUSE))


def _wait(session: Session, waiting: Sequence[tuple[Run, Wait]]) -> None:
    """Put runs to rest; one that was woken during its call takes the step again at once."""
    send_from_here(session, [run for run, _ in waiting if run.nudged])
    resting = [(run, wait) for run, wait in waiting if not run.nudged]
    reposition.write(session, [_resting(run, wait) for run, wait in resting])
    reposition.limit_waits(session, [(run, wait.seconds) for run, wait in waiting])


def _resting(run: Run, wait: Wait) -> reposition.NextState:
    return replace(reposition.here(run), state=State.WAITING, hold=Hold.WAIT, due=wait.seconds)


def _stop(session: Session, run: Run, why: Outcome) -> None:
    """End a run that can neither go on nor try again: compensate it if it may turn back, else call for attention.

    After a Fault an operator decides whether to undo.
    """
    if may_turn(run) and not _is_broken(why):
        _compensate_or_call(session, run, why)
    else:
        _call_for_help(session, run, why)


def _compensate_or_call(session: Session, run: Run, why: Outcome) -> None:
    """Compensate the run in a savepoint; if that raises (a broken `on_failed`, say), call for attention.

    There is no further attempt after this one.
    """
    try:
        with session.begin_nested():
            compensate(session, [(run, why, run.step)])
    except TROUBLE:
        raise
    except Exception as error:
        log.error("run %s could not be ended as failed", run.id, exc_info=error)
        _call_for_help(session, run, why)


def _call_for_help(session: Session, run: Run, why: Outcome) -> None:
    """End the run as needing attention, with the error that turned it back, if any, as `cause`."""
    error = {**_document(why), "step": run.name, "direction": run.direction}
    if run.error:
        error["cause"] = run.error
    transitions.call_for_help(session, run, error)
    attention.tell(session, run, error)


def _document(why: Outcome) -> dict[str, Any]:
    return {"code": why.code, "detail": why.detail}
