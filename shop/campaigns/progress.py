"""Progress of a campaign's runs, and the outcome for each recipient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.accounts.users import UserRow
from shop.campaigns.tables import OPEN, CampaignRunRow, RecipientRow, RecipientStatus
from shop.kernel.errors import NotFound


@dataclass(frozen=True)
class Progress:
    """Counts of recipients by status. `lateness`: seconds between the due time and the start."""

    run: CampaignRunRow
    fates: dict[str, int]

    @property
    def lateness(self) -> float:
        return max(0.0, (self.run.started_at - self.run.due_at).total_seconds())

    @property
    def open(self) -> bool:
        return self.run.stage in OPEN


def latest(session: Session, campaign_id: str, count: int = 1) -> list[Progress]:
    """List the newest runs first."""
    row = CampaignRunRow
    runs = session.scalars(select(row).where(row.campaign_id == campaign_id).order_by(row.due_at.desc()).limit(count))
    return [Progress(run, run.fates or counted(session, run.id)) for run in runs]


def counted(session: Session, run_id: str) -> dict[str, int]:
    """Count the recipients of a run, by status."""
    row = RecipientRow
    states = select(row.state, func.count()).where(row.run_id == run_id).group_by(row.state)
    found: dict[str, int] = dict(session.execute(states).all())
    return {fate.value: found.get(fate, 0) for fate in RecipientStatus}


@dataclass(frozen=True)
class Seen:
    """One recipient. The address is the account's of today; None when it is gone."""

    user_id: str
    email: str | None
    state: str
    attempts: int
    detail: str | None
    coupon: str | None
    updated_at: datetime


def recipients(
    session: Session, campaign_id: str, *, run_id: str | None, state: str | None, limit: int, after: str | None
) -> Sequence[Seen]:
    """List recipients of the run named, or of the newest, by user id, beginning above the id `after`.

    Raises NotFound.
    """
    run = _run(session, campaign_id, run_id)
    row = RecipientRow
    query = select(
        row.user_id, UserRow.email, row.state, row.attempts, row.detail, row.coupon_code, row.updated_at
    ).outerjoin(UserRow, UserRow.id == row.user_id)
    query = query.where(row.run_id == run).order_by(row.user_id).limit(limit)
    query = query.where(row.state == state) if state else query
    return [Seen(*found) for found in session.execute(query.where(row.user_id > after) if after else query)]


def _run(session: Session, campaign_id: str, run_id: str | None) -> str:
    row = CampaignRunRow
    query = select(row.id).where(row.campaign_id == campaign_id).order_by(row.due_at.desc()).limit(1)
    id = session.scalar(query.where(row.id == run_id) if run_id else query)
    if id is None:
        raise NotFound("There is no such run of this campaign.")
    return id
