"""What an outcome means for a run, in the light of its time, its deadline and its pivot. Nothing is written here."""

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
"""A run that turns back, why, and the newest step it has begun."""


class GaveUp(Refused):
    """Tried for as long as there was time. Unlike a plain refusal the outside may know of it: the key must stay.

    unsent: nothing left the house at the last try. broken: by a fault of our own, which is not for us to undo unseen.
    """

    def __init__(self, code: str, detail: str = "", *, unsent: bool = False, broken: bool = False) -> None:
        super().__init__(code, detail)
        self.unsent, self.broken = unsent, broken


class PutAside(TryAgain):
    """Its gateway is away, and a few others find out when it is back: it was not tried at all."""


def judge(step: StepTask, run: Run, result: Result) -> Result:
    """Tries whose time is over, and waits past their deadline, are refusals."""
    if isinstance(result, TryAgain) and time_left(step, run, result) <= 0:
        return GaveUp(result.code, result.detail, unsent=is_unsent(result), broken=isinstance(result, Fault))
    if isinstance(result, Wait) and run.expired:
        return Refused(result.code, result.detail)
    return result


def time_left(step: StepTask, run: Run, result: TryAgain) -> float:
    """Seconds for which a step that fails like this is still to be tried."""
    own = [seconds for seconds in (run.left, result.within) if seconds is not None] if may_turn(run) else []
    if isinstance(result, Fault):
        return min([FAULT_PATIENCE - run.broken, *own])
    return min(own, default=step.retry_for(run.direction).seconds - (run.troubled or 0.0))


def is_unsent(result: Result | None) -> bool:
    """Whether it is certain that nothing left the house at this try."""
    if isinstance(result, GaveUp):
        return result.unsent
    return isinstance(result, TryAgain) and not isinstance(result, Unknown)


def line(run: Run, result: Result) -> journal.Line:
    """What the journal says of it."""
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
    """The runs of a step by what becomes of them."""

    done: dict[tuple[Plan, int, str], list[tuple[Run, Done]]] = field(default_factory=lambda: defaultdict(list))
    turning: list[TurnBack] = field(default_factory=list)
    waiting: list[tuple[Run, Wait]] = field(default_factory=list)
    trying: list[tuple[Run, TryAgain]] = field(default_factory=list)
    turns: list[tuple[Run, More]] = field(default_factory=list)
    stuck: list[tuple[Run, Outcome]] = field(default_factory=list)


def sort_out(judged: Sequence[tuple[Run, Result]], *, begun: bool) -> Ways:
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
    return run.direction == Direction.DO and not run.past_pivot


def why_stopped(run: Run) -> Outcome:
    """On request; or too late, and then what it was waiting for says more than that."""
    if run.cancel_requested:
        return CANCELLED
    if run.troubled is None or not run.trouble:
        return TOO_LATE
    broken = run.trouble["code"] == Fault.code
    return GaveUp(run.trouble["code"], run.trouble["detail"], broken=broken)
