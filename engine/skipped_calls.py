"""Calls that need not be made: those to a gateway that is away, and undos of calls that were never sent."""

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
    """Return the runs whose request is to be sent; a result in its place, or none, settles the run without a call."""
    return [run for run in runs if not isinstance(requests.get(run.id, Done()), Done | Outcome)]


def spare_the_unsent(session: Session, step: StepTask, runs: Sequence[Run], requests: dict[str, Any]) -> None:
    """Replace the requests of undos whose call was certainly never sent by their result, `step.unsent`."""
    if step.unsent is None:
        return
    never = journal.never_sent(session, runs)
    answers = [Answer(run, requests[run.id], Done(step.unsent)) for run in calling(runs, requests) if run.id in never]
    if answers and step.remember:
        step.remember(session, answers)
    requests.update({answer.run.id: answer.result for answer in answers})


def put_aside(session: Session, step: StepTask, runs: Sequence[Run], requests: dict[str, Any]) -> None:
    """Replace requests to gateways that are away by PutAside, but for the few that `breaker.admit` lets probe.

    Locks the rows of those gateways until the transaction ends.
    """
    by_gateway: dict[str | None, list[Run]] = defaultdict(list)
    for run in runs:
        by_gateway[step.gateway_of(requests[run.id])].append(run)
    for name, callers in sorted(by_gateway.items(), key=lambda one: one[0] or ""):  # locked in this order by all
        if name and breaker.is_away(name):
            admitted, why = breaker.admit(session, step, name, len(callers))
            for run in callers[admitted:]:
                requests[run.id] = marked(PutAside(*why, away=True), step, requests[run.id])


def marked(later: TryAgain, step: StepTask, request: Any) -> TryAgain:
    """Set `gateway` and `within` of this outcome by its request, and return it."""
    later.gateway, later.within = step.gateway_of(request), step.within(request)
    return later
