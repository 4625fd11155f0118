"""Calls that need not be made: to a gateway that is away, and to undo what never left the house."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine import breaker, journal
from engine.claim import Run
from engine.outcomes import Outcome, TryAgain
from engine.steps import Answer, Done, StepTask
from engine.verdicts import PutAside


def calling(runs: Sequence[Run], requests: Mapping[str, Any]) -> list[Run]:
    return [run for run in runs if not isinstance(requests.get(run.id, Done()), Done | Outcome)]


def spare_the_unsent(session: Session, step: StepTask, runs: Sequence[Run], requests: dict[str, Any]) -> None:
    """Nobody outside is asked to undo what never left the house: that is done here and now, whoever is away."""
    if step.unsent is None:
        return
    never = journal.never_sent(session, runs)
    answers = [Answer(run, requests[run.id], Done(step.unsent)) for run in calling(runs, requests) if run.id in never]
    if answers and step.remember:
        step.remember(session, answers)
    requests.update({answer.run.id: answer.result for answer in answers})


def put_aside(session: Session, step: StepTask, runs: Sequence[Run], requests: dict[str, Any]) -> None:
    """Of the calls to a gateway that is away only a few are made."""
    by_gateway: dict[str | None, list[Run]] = defaultdict(list)
    for run in runs:
        by_gateway[step.gateway_of(requests[run.id])].append(run)
    for name, callers in sorted(by_gateway.items(), key=lambda one: one[0] or ""):  # locked in this order by all
        if name and breaker.is_away(name):
            admitted, why = breaker.admit(session, step, name, len(callers))
            for run in callers[admitted:]:
                requests[run.id] = marked(PutAside(*why, away=True), step, requests[run.id])


def marked(later: TryAgain, step: StepTask, request: Any) -> TryAgain:
    later.gateway, later.within = step.gateway_of(request), step.within(request)
    return later
