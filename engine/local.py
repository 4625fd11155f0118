"""Local steps: the whole wave in one transaction, effect, journal and advance together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from engine import crash
from engine.claim import Run, claim
from engine.isolation import together_or_alone
from engine.settle import settle, turn_back
from engine.steps import Done, Result, StepTask


def work(step: StepTask, ids: Sequence[str]) -> bool:
    """Take a wave through a local step. Returns whether any run goes on along this chain."""
    moved = together_or_alone(step, ids, lambda session, some: _wave(session, step, some))
    crash.at("after_transaction", step.name)
    return any(moved)


def _wave(session: Session, step: StepTask, ids: Sequence[str]) -> bool:
    runs = claim(session, step.name, ids)
    turn_back(session, [run for run in runs if run.stopped])
    going = [run for run in runs if not run.stopped]
    if not going:
        return False
    assert step.local is not None
    answers = step.local(session, going) or {}
    goes_on = settle(session, step, _results(going, answers), begun=False)
    crash.at("after_call", step.name)  # everything written, nothing committed
    return goes_on


def _results(runs: Sequence[Run], answers: Mapping[str, Result]) -> list[tuple[Run, Result]]:
    return [(run, answers.get(run.id, Done())) for run in runs]
