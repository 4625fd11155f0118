"""Transitions of a campaign: scheduled, paused, resumed, cancelled; and the end of a run."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import engine
from db.functions import read_clock, statement_time
from shop.campaigns import editing, scheduler
from shop.campaigns.editing import NotNow
from shop.campaigns.tables import OPEN, CampaignRow, CampaignRunRow, Stage, Status
from shop.kernel.errors import Invalid


def schedule(session: Session, id: str) -> CampaignRow:
    """Schedule a campaign. Raises NotFound, Invalid without a time that lies ahead, and NotNow."""
    row = _to_start(session, id)
    if row.status in (Status.SCHEDULED, Status.PAUSED) or scheduler.is_under_way(session, id):
        raise NotNow(f"It is {row.status} already.")
    if row.cron is None and row.once_at is None:
        raise Invalid({"schedule": ["It has none. Give it one, or say now: true."]})
    row.status, row.next_at = Status.SCHEDULED, editing.next_time(session, row)
    return _moved(session, row)


def send_now(session: Session, id: str, by: str) -> CampaignRow:
    """Start a run at this moment, beside its schedule.

    `by`: the account that asks for it. Raises NotFound and NotNow.
    """
    row = _to_start(session, id)
    if row.status == Status.PAUSED or scheduler.is_under_way(session, id):
        raise NotNow("It is paused, or being sent.")
    row.status = Status.SCHEDULED
    moment = read_clock(session)
    scheduler.start_occurrence(session, row, moment, moment, by)
    return _moved(session, row)


def pause(session: Session, id: str) -> CampaignRow:
    """Pause a scheduled campaign and its run under way. Raises NotFound and NotNow."""
    row = editing.lock(session, id)
    if row.status != Status.SCHEDULED:
        raise NotNow(f"It is {row.status}; only one that is scheduled can be paused.")
    row.status = Status.PAUSED
    return _moved(session, row)


def resume(session: Session, id: str) -> CampaignRow:
    """Resume a paused campaign.

    A due time that passed meanwhile is treated by its `late_policy`. Raises NotFound and NotNow.
    """
    engine.wake(session, _jobs(session, id))
    row = editing.lock(session, id)
    if row.status != Status.PAUSED:
        raise NotNow(f"It is {row.status}; only one that is paused can be resumed.")
    row.status = Status.SCHEDULED
    return _moved(session, row)


def cancel(session: Session, id: str) -> CampaignRow:
    """Cancel a campaign and its run under way: recipients not yet written to get no mail. Safe to repeat.

    Raises NotFound, and NotNow for a finished one.
    """
    for job in _jobs(session, id):
        with suppress(engine.NotPossible):  # it has ended at this very moment
            engine.cancel(session, job)
    row = editing.lock(session, id)
    if row.status == Status.CANCELLED:
        return row
    if row.status == Status.FINISHED:
        raise NotNow("It is finished.")
    row.status, row.next_at = Status.CANCELLED, None
    return _moved(session, row)


def end_run(session: Session, run_id: str, stage: Stage, detail: str | None = None) -> None:
    """End a run in this stage. The campaign is finished too, if no due time lies ahead of it. Safe to repeat."""
    run, campaign = CampaignRunRow, CampaignRow
    ended = update(run).where(run.id == run_id, run.stage.in_(OPEN))
    values = {"stage": stage, "detail": detail, "finished_at": statement_time()}
    id = session.scalar(ended.values(values).returning(run.campaign_id).execution_options(synchronize_session=False))
    over = update(campaign).where(campaign.id == id, campaign.status.in_((Status.SCHEDULED, Status.PAUSED)))
    ended_campaign = over.where(campaign.next_at.is_(None)).values(status=Status.FINISHED, updated_at=statement_time())
    session.execute(ended_campaign.execution_options(synchronize_session=False))


def _to_start(session: Session, id: str) -> CampaignRow:
    """Load and lock a campaign that is to be started. Raises NotFound, and NotNow for a cancelled one."""
    row = editing.lock(session, id)
    editing.refuse_cancelled(row)
    return row


def _jobs(session: Session, campaign_id: str) -> list[str]:
    """List the jobs of runs under way.

    To be called before the campaign is locked: a turn locks its job first and the campaign last.
    """
    run = CampaignRunRow
    jobs = select(run.job_id).where(run.campaign_id == campaign_id, run.stage.in_(OPEN), run.job_id.is_not(None))
    return [job for job in session.scalars(jobs).all() if job is not None]


def _moved(session: Session, row: CampaignRow) -> CampaignRow:
    row.updated_at = statement_time()
    session.flush()
    session.refresh(row)
    return row
