"""A wave is one transaction, until an exception spoils it: then each of its runs has a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from sqlalchemy.orm import Session

from db import TROUBLE, in_transaction
from engine.claim import claim
from engine.outcomes import Outcome
from engine.settle import settle
from engine.steps import Fault, StepTask

log = structlog.get_logger(__name__)

T = TypeVar("T")


def together_or_alone(step: StepTask, ids: Sequence[str], take: Callable[[Session, Sequence[str]], T]) -> list[T]:
    """Call `take` in one transaction for the wave, or, if it raises, in one for each run.

    Returns what each call returned. A run that raises alone is settled with its outcome, or with a Fault. An absent
    database (`db.TROUBLE`) is raised.
    """
    try:
        return [in_transaction(lambda session: take(session, ids))]
    except TROUBLE:
        raise
    except Exception as error:
        if len(ids) == 1:
            _stumble(step, ids[0], error)
            return []
        log.warning("a wave failed, taking its runs one by one", runs=list(ids), error=type(error).__name__)
        return [part for id in ids for part in together_or_alone(step, [id], take)]


def _stumble(step: StepTask, id: str, error: Exception) -> None:
    """Settle a run that raised alone. Its effects are rolled back; its outcome is recorded in another transaction."""
    result = error if isinstance(error, Outcome) else _unnamed(step, id, error)
    in_transaction(lambda s: settle(s, step, [(run, result) for run in claim(s, step.name, [id])], begun=False))


def _unnamed(step: StepTask, id: str, error: Exception) -> Fault:
    log.error("a step failed unexpectedly", run=id, exc_info=error)
    return Fault("the step failed unexpectedly", error)
