"""Invariants of campaigns: one mail per run and recipient, no recipient lost, one run per due time."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from engine.states import ENDED
from engine.tables import RunRow
from shop.campaigns.cart_reminders import CartReminderRow
from shop.campaigns.tables import OPEN, CampaignRow, CampaignRunRow, RecipientRow, RecipientStatus, Stage, Status


@invariant("I11", "one run per campaign and due time, at most one mail per run and recipient, and none of them lost")
def campaigns_reach_everybody_once(session: Session) -> Iterator[str]:
    yield from _twice(session)
    yield from _lost(session)
    yield from _stranded(session)
    yield from _missed(session)
    yield from _reminded_twice(session)


def _twice(session: Session) -> Iterator[str]:
    run, row = CampaignRunRow, RecipientRow
    times = select(run.campaign_id, run.due_at).group_by(run.campaign_id, run.due_at).having(func.count() > 1)
    for campaign, at in session.execute(times):
        yield f"campaign {campaign} ran more than once for {at}"
    people = select(row.run_id, row.user_id).group_by(row.run_id, row.user_id).having(func.count() > 1)
    for id, user in session.execute(people):
        yield f"run {id} has recipient {user} more than once"


def _lost(session: Session) -> Iterator[str]:
    """Find runs that are done although recipients wait or are missing, as long as their recipient rows are kept."""
    run, row = CampaignRunRow, RecipientRow
    waiting = func.count().filter(row.state.in_((RecipientStatus.WAITING, RecipientStatus.SENDING)))
    counted = (
        select(run.id, run.audience, func.count(row.user_id), waiting)
        .outerjoin(row, row.run_id == run.id)
        .where(run.stage == Stage.DONE, run.fates.is_(None))
        .group_by(run.id, run.audience)
    )
    for id, audience, there, left in session.execute(
        counted.having(or_(func.count(row.user_id) != run.audience, waiting > 0))
    ):
        yield f"run {id} of a campaign is done: {audience} were meant, {there} are there, {left} of them not written to"


def _stranded(session: Session) -> Iterator[str]:
    """Find recipients in state `sending` whose batch run has ended."""
    run, row = RunRow, RecipientRow
    ended = select(run.subject_id).where(run.workflow == "send_campaign_batch", run.state.in_(ENDED))
    on_their_way = select(row.run_id, row.batch_id).where(row.state == RecipientStatus.SENDING).distinct()
    over = set(session.scalars(ended)) if (batches := session.execute(on_their_way).all()) else set()
    for id, batch in batches:
        if batch in over:
            yield f"run {id} of a campaign has recipients in batch {batch}, which has ended"


def _missed(session: Session) -> Iterator[str]:
    """Find open campaign runs whose job has ended, and finished campaigns that still have a due time."""
    run, campaign = CampaignRunRow, CampaignRow
    open_runs = select(run.id).join(campaign, campaign.id == run.campaign_id)
    ended = open_runs.join(RunRow, RunRow.id == run.job_id).where(run.stage.in_(OPEN), RunRow.state.in_(ENDED))
    for id in session.scalars(ended):
        yield f"run {id} of a campaign is open and its job has ended"
    idle = select(campaign.id).where(campaign.status == Status.FINISHED, campaign.next_at.is_not(None))
    for id in session.scalars(idle):
        yield f"campaign {id} is finished and still has a next time"


def _reminded_twice(session: Session) -> Iterator[str]:
    row = CartReminderRow
    key = (row.cart_id, row.changed_at, row.number)
    for cart, at, number in session.execute(select(*key).group_by(*key).having(func.count() > 1)):
        yield f"reminder {number} of cart {cart} as of {at} was sent more than once"
