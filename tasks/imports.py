"""Applying an import, a page of lines at a time.

It is a remote step though it calls nothing outside: that way it may take minutes, under a lease that another worker
takes over when this one dies. No transaction is longer than a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from db import in_transaction
from engine import Done, Run, jobs, local_step, on_failed, remote_step
from engine.outcomes import Refused
from shop.import_export import imports


def _uploads(session: Session, runs: Sequence[Run]) -> Mapping[str, tuple[str, str]]:
    return {run.id: (run.id, run.subject_id) for run in runs}


@remote_step("imports.apply", fetch=_uploads)
def apply(request: tuple[str, str], key: str) -> dict[str, Any] | None:
    """Apply page after page until none is left. What is applied stays. Raises Refused when the job is cancelled."""
    while in_transaction(lambda session: _a_page(session, *request)):
        pass
    return None


@local_step("imports.finish")
def finish(session: Session, runs: Sequence[Run]) -> Mapping[str, Done]:
    """Record how many lines were taken, and the errors of the others."""
    return {run.id: Done(imports.summary(session, run.subject_id)) for run in runs}


@on_failed("imports.drop")
def drop(session: Session, runs: Sequence[Run]) -> None:
    """Delete the pages that were not applied."""
    imports.drop_pages(session, [run.subject_id for run in runs])


def _a_page(session: Session, run: str, upload: str) -> bool:
    job = jobs.get(session, run)
    if job is None or job.cancel_requested:
        raise Refused("cancelled", "cancelled on request; the lines before stay as they were taken")
    return imports.apply_a_page(session, upload)
