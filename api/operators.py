"""What operators do to jobs, and a line in the log that says who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from flask import Response
from sqlalchemy.orm import Session

from api.commands import Answer, accepted, run_command
from api.security import caller

log = structlog.get_logger("audit")


def operate(action: str, id: UUID, act: Callable[..., None], **more: Any) -> Response:
    def work(session: Session) -> Answer:
        act(session, str(id), by=caller().id, **more)
        log.info("operator", action=action, job=str(id), by=caller().id, **more)
        session.expire_all()
        return accepted(session, str(id))

    return run_command(work)
