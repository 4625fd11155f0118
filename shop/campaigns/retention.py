"""Retention: which users got a campaign is deleted some time after it ended. The counts stay with the run."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, delete, exists, select
from sqlalchemy.orm import Session

from db.functions import in_seconds
from db.statements import for_update
from shop.campaigns import progress
from shop.campaigns.tables import OPEN, CampaignRunRow, RecipientRow


def prune(session: Session, days: int, batch: int = 1000) -> int:
    """Delete one batch of recipients of a run that ended more than `days` ago. Returns how many; 0: none is left."""
    run = session.scalar(for_update(_due(days)))
    if run is None:
        return 0
    run.fates = run.fates or progress.counted(session, run.id)
    session.flush()
    theirs = select(RecipientRow.user_id).where(RecipientRow.run_id == run.id).order_by(RecipientRow.user_id)
    people = session.scalars(theirs.limit(batch)).all()
    session.execute(delete(RecipientRow).where(RecipientRow.run_id == run.id, RecipientRow.user_id.in_(people)))
    return len(people)


def _due(days: int) -> Select[CampaignRunRow]:
    row = CampaignRunRow
    over = select(row).where(row.stage.not_in(OPEN), row.finished_at < in_seconds(-86400.0 * days), _has_recipients())
    return over.order_by(row.finished_at, row.id).limit(1)


def _has_recipients() -> ColumnElement[bool]:
    return exists().where(RecipientRow.run_id == CampaignRunRow.id)
