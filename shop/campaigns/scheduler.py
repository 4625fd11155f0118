"""Starting campaigns that are due.

The row (campaign, due time) is unique: however many workers look, each runs once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

import engine
from db.functions import read_clock, statement_time
from db.schema import new_id
from db.statements import for_update, table_of, upsert
from shop.campaigns import calendar as campaign_calendar
from shop.campaigns.tables import OPEN, CampaignRow, CampaignRunRow, LatePolicy, Stage, Status

SEND = engine.Named("send_campaign")
TOGETHER = 20
PUNCTUAL = timedelta(minutes=5)  # a start up to this late counts as on time


def start_due(session: Session) -> int:
    """Start the campaigns that are due, one batch. Returns how many were looked at; call it until that is 0."""
    moment = read_clock(session)
    due = select(CampaignRow).where(CampaignRow.next_at <= moment, CampaignRow.status == Status.SCHEDULED)
    rows = session.scalars(for_update(due.order_by(CampaignRow.id).limit(TOGETHER), skip_locked=True)).all()
    for row in rows:
        at = campaign_calendar.latest(row, moment) or row.next_at
        row.next_at = campaign_calendar.following(row, moment)
        assert at is not None
        start_occurrence(session, row, at, moment)
    session.flush()
    return len(rows)


def start_occurrence(
    session: Session, row: CampaignRow, due: datetime, moment: datetime, by: str | None = None
) -> None:
    """Start a run for this due time, or record why it is skipped. Does nothing when the due time has a run already.

    The caller has locked the campaign. `by`: the account that asked for it, None for the clock.
    """
    why = _hindrance(session, row, due, moment)
    run = _written(session, row, due, why)
    if run and not why:
        run.job_id = engine.start(session, SEND, key=run.id, subject=("campaign_run", run.id), by=by).id
    if why and row.next_at is None and not is_under_way(session, row.id):
        row.status = Status.FINISHED


def is_under_way(session: Session, campaign_id: str) -> bool:
    """Tell whether a run of the campaign is freezing or sending."""
    run = CampaignRunRow
    return bool(session.scalar(select(exists().where(run.campaign_id == campaign_id, run.stage.in_(OPEN)))))


def _hindrance(session: Session, row: CampaignRow, due: datetime, moment: datetime) -> str | None:
    if is_under_way(session, row.id):
        return "the run before was still under way"
    late = moment - due
    if late <= PUNCTUAL or row.late_policy == LatePolicy.SEND:
        return None
    if row.late_policy == LatePolicy.WITHIN and late <= timedelta(hours=row.late_hours or 0):
        return None
    return f"{int(late.total_seconds())} s late"


def _written(session: Session, row: CampaignRow, due: datetime, why: str | None) -> CampaignRunRow | None:
    """Insert the run. None when this due time has one already."""
    ended = (
        {"stage": Stage.SKIPPED, "detail": why, "finished_at": statement_time()} if why else {"stage": Stage.FREEZING}
    )
    values = {
        "id": new_id(),
        "campaign_id": row.id,
        "due_at": due,
        "audience": 0,
        "started_at": statement_time(),
        **ended,
    }
    once = upsert(session, table_of(CampaignRunRow)).values(values)
    once = once.on_conflict_do_nothing(index_elements=["campaign_id", "due_at"])
    id = session.scalar(once.returning(table_of(CampaignRunRow).c.id))
    return session.get_one(CampaignRunRow, id) if id else None
