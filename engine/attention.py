"""Runs that need attention: they are logged and handed to the functions registered with `on_attention`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy.orm import Session

from db import TROUBLE
from engine.claim import Run

log = structlog.get_logger(__name__)

Hear = Callable[[Session, Run], None]

_hearers: list[Hear] = []


def on_attention(hear: Hear) -> Hear:
    """Register `hear(session, run)`, called in the transaction in which a run comes to need attention; return `hear`.

    `run.error` holds code, detail, step and direction. What `hear` raises is logged and its writes are rolled back,
    and the run still ends as needing attention; only an absent database (`db.TROUBLE`) ends the transaction.
    """
    _hearers.append(hear)
    return hear


def tell(session: Session, run: Run, error: dict[str, Any]) -> None:
    """Log the run and call every registered function, each in a savepoint. Raises only TROUBLE."""
    about = {"run": run.id, "workflow": run.plan.workflow, "subject": run.subject_id}
    log.error("a run needs attention", **about, step=run.name, direction=run.direction, code=error["code"])
    for hear in _hearers:
        try:
            with session.begin_nested():
                hear(session, replace(run, error=error))
        except TROUBLE:
            raise
        except Exception as broken:
            log.error("nobody could be told of a run that needs attention", run=run.id, exc_info=broken)
