"""Local steps: the whole wave in one transaction, effect, journal and advance together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from db import in_transaction
from engine import crash
from engine.claim import Run, claim
from engine.settle import settle, turn_back
from engine.steps import Done, Result, StepTask
from outcomes import Outcome, TryAgain

log = logging.getLogger(__name__)


def work(step: StepTask, ids: Sequence[str]) -> bool:
    """Returns whether any run goes on. A poison run hurts only itself: its wave is taken one by one."""
    try:
        goes_on = in_transaction(lambda session: _wave(session, step, ids))
    except (OperationalError, InterfaceError):
        raise  # the database's trouble is nobody's fault here; the sweep brings the wave back
    except Exception as error:
        if len(ids) == 1:
            return _stumble(step, ids[0], error)
        log.warning(
            "%s: a wave of %d failed (%s), taking its runs one by one", step.name, len(ids), type(error).__name__
        )
        moved = [work(step, [id]) for id in ids]
        return any(moved)
    crash.at("after_transaction", step.name)
    return goes_on


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


def _stumble(step: StepTask, id: str, error: Exception) -> bool:
    """One run alone raised: its effects are rolled back, its outcome is recorded by itself."""
    result = error if isinstance(error, Outcome) else _unnamed(step, id, error)
    return in_transaction(lambda s: settle(s, step, [(run, result) for run in claim(s, step.name, [id])], begun=False))


def _unnamed(step: StepTask, id: str, error: Exception) -> TryAgain:
    log.error("%s failed for run %s", step.name, id, exc_info=error)
    return TryAgain("internal_error", f"the step failed unexpectedly ({type(error).__name__})")
