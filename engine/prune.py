"""Deletion of runs that ended long ago, in small batches so that no worker waits for a lock."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db import in_transaction
from db.functions import in_seconds
from engine.states import ENDED
from engine.tables import RunRow

BATCH = 500


def prune_finished(days: int, workflow: str | None = None) -> int:
    """Delete runs (of this workflow) that ended more than `days` ago, with their journals. Returns how many.

    Makes its own transactions, one for each batch. Runs that need attention have not ended.
    """
    total = 0
    while (deleted := in_transaction(lambda session: _batch(session, days, workflow))) > 0:
        total += deleted
    return total


def _batch(session: Session, days: int, workflow: str | None = None) -> int:
    old = (
        select(RunRow.id)
        .where(RunRow.state.in_(ENDED), RunRow.finished_at < in_seconds(-86400.0 * days))
        .order_by(RunRow.id)
        .limit(BATCH)
    )
    ids = session.scalars(old.where(RunRow.workflow == workflow) if workflow else old).all()
    session.execute(delete(RunRow).where(RunRow.id.in_(ids)))
    return len(ids)
