"""What a step's result means for a run, given its time, its deadline and its pivot. Nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine import journal
from engine.claim import Run
from engine.limits import FAULT_PATIENCE
from engine.outcomes import More, Outcome, Refused, TryAgain, Unknown, Wait
from engine.plan import Plan
from engine.states import Direction, Mark
from engine.steps import Done, Fault, Result, StepTask

CANCELLED = Refused("cancelled", "cancelled on request")
TOO_LATE = Refused("deadline_exceeded", "it took longer than it may")

TurnBack = tuple[Run, Outcome, int]
"""A run that turns back, why, and the newest step that it has begun."""


class GaveUp(Refused):
    """A step that was tried for as long as there was time.

    Unlike after a refusal the call may have happened, so that the key must stay.

    unsent: no call was sent at the last attempt. broken: by a Fault, which is not undone without an operator.
    """

    def __init__(self, code: str, detail: str = "", *, unsent: bool = False, broken: bool = False) -> None:
        super().__init__(code, detail)
        self.unsent, self.broken = unsent, broken


class PutAside(TryAgain):
    """A call that was not made: its gateway is away, and a few other runs probe it."""


def judge(step: StepTask, run: Run, result: Result) -> Result:
    """Return the result as it is, or, where the time to try or to wait is over, GaveUp or Refused in its place."""
    if isinstance(result, TryAgain) and time_left(step, run, result) <= 0:
        return GaveUp(result.code, result.detail, unsent=is_unsent(result), broken=isinstance(result, Fault))
    if isinstance(result, Wait) and run.expired:
        return Refused(result.code, result.detail)
    return result


def time_left(step: StepTask, run: Run, result: TryAgain) -> float:
    """Return the seconds for which a step that failed with this result is still to be tried; negative: time is over."""
    own = [seconds for seconds in (run.left, result.within) if seconds is not None] if may_turn(run) else []
    if isinstance(result, Fault):
        return min([FAULT_PATIENCE - run.broken, *own])
    return min(own, default=step.retry_for(run.direction).seconds - (run.troubled or 0.0))


def is_unsent(result: Result | None) -> bool:
    """Return whether it is certain that no call was sent at this attempt."""
    if isinstance(result, GaveUp):
        return result.unsent
    return isinstance(result, TryAgain) and not isinstance(result, Unknown)


def line(run: Run, result: Result) -> journal.Line:
    """Return the journal's line for this result."""
    match result:
        case Done():
            return run, Mark.DONE, result.output, None
        case Wait():
            return run, Mark.WAITING, result.output, None
        case More():
            return run, Mark.BEGUN, None, None
        case GaveUp():
            return run, Mark.FAILED, None, result
        case Refused():
            return run, Mark.REFUSED, None, result
        case _:
            return run, Mark.BEGUN, None, result


@dataclass
class Ways:
    """The runs of a step, by what becomes of them; `done` by plan, step and direction."""

    done: dict[tuple[Plan, int, str], list[tuple[Run, Done]]] = field(default_factory=lambda: defaultdict(list))
    turning: list[TurnBack] = field(default_factory=list)
    waiting: list[tuple[Run, Wait]] = field(default_factory=list)
    trying: list[tuple[Run, TryAgain]] = field(default_factory=list)
    turns: list[tuple[Run, More]] = field(default_factory=list)
    stuck: list[tuple[Run, Outcome]] = field(default_factory=list)


def sort_out(judged: Sequence[tuple[Run, Result]], *, begun: bool) -> Ways:
    """Sort runs by what becomes of them. `begun`: these are results of calls, during which a run may be cancelled."""
    ways = Ways()
    for run, result in judged:
        match result:
            case Done():
                ways.done[run.plan, run.step, run.direction].append((run, result))
            case Outcome() if begun and run.stopped and not isinstance(result, Refused):
                ways.turning.append((run, why_stopped(run), run.step))  # asked for while the call was under way
            case Wait() if run.direction == Direction.DO:
                ways.waiting.append((run, result))
            case More():
                ways.turns.append((run, result))
            case TryAgain():
                ways.trying.append((run, result))
            case Outcome() if may_turn(run) and not isinstance(result, GaveUp):
                ways.turning.append((run, result, run.step))
            case Outcome():
                ways.stuck.append((run, result))
    return ways


def may_turn(run: Run) -> bool:
    """Return whether the run may still turn back: it goes forward and is not past its pivot."""
    return run.direction == Direction.DO and not run.past_pivot


def why_stopped(run: Run) -> Outcome:
    """Return why a stopped run turns back: cancelled, the error of its last attempt, or the deadline."""
    if run.cancel_requested:
        return CANCELLED
    if run.troubled is None or not run.trouble:
        return TOO_LATE
    broken = run.trouble["code"] == Fault.code
    return GaveUp(run.trouble["code"], run.trouble["detail"], broken=broken)
