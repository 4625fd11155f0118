"""Releasing recipients in batches, at the campaign's pace.

The pace is used up until `paced_to`. A turn that comes late makes up for CATCH_UP seconds and no more, so that an
outage is not followed by a flood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from db.bulk import Many
from db.functions import read_clock, statement_time
from db.schema import new_id
from db.statements import for_update, table_of
from shop.campaigns import calendar as campaign_calendar
from shop.campaigns.tables import CampaignRow, CampaignRunRow, RecipientRow, RecipientStatus, Stage, Status, standing

BATCH = 64
AHEAD = 8  # batches in flight at least: about what one connection sends until the next turn
SOON = 0.25  # seconds until the next turn when there is nothing to hold back
FULL = 1.0  # seconds until the next turn when as many are in flight as may be
TURN = 2.0  # seconds of a throttled campaign's pace that are released at once
CATCH_UP = 5.0  # seconds of its pace that a turn which came late makes up for
LONGEST_LOOK = 60.0  # seconds


@dataclass(frozen=True)
class SendWindow:
    """The result of one turn.

    `batches`: to be sent now; `after`: seconds until the next turn. `over`: no recipient is left.
    """

    batches: Sequence[str] = ()
    after: float = SOON
    paused: bool = False
    cancelled: bool = False
    over: bool = False


def take(session: Session, run_id: str, connections: int) -> SendWindow:
    """Take one turn of a run: release the recipients that its pace allows. Locks the run.

    `connections`: to the mail server. Safe to repeat: released recipients wait no longer.
    """
    run = session.scalars(for_update(select(CampaignRunRow).where(CampaignRunRow.id == run_id))).one()
    campaign = session.get_one(CampaignRow, run.campaign_id, populate_existing=True)
    if run.stage != Stage.SENDING:
        return SendWindow(over=True)
    if campaign.status == Status.CANCELLED:
        return SendWindow(cancelled=True)
    if campaign.status == Status.PAUSED:
        return SendWindow(paused=True)
    moment = read_clock(session)
    if quiet := campaign_calendar.quiet_for(campaign, moment):
        return SendWindow(after=min(LONGEST_LOOK, quiet))  # staff may change them meanwhile
    return _let_go(session, campaign, run, max(AHEAD, 2 * connections), moment)


def _let_go(session: Session, campaign: CampaignRow, run: CampaignRunRow, most: int, moment: datetime) -> SendWindow:
    early = _spent(campaign, run, moment)
    if early > 0:
        return SendWindow(after=early)
    on_their_way = _on_their_way(session, run.id)
    room = _room(campaign, on_their_way, most)
    if room <= 0:
        return SendWindow(after=FULL)
    people = _ready(session, run.id, room)
    if not people:
        return _nobody(session, run, moment, on_their_way)
    batches = _in_batches(session, run.id, people)
    return SendWindow(batches, _pay(campaign, run, len(people), moment))


def _nobody(session: Session, run: CampaignRunRow, moment: datetime, on_their_way: int) -> SendWindow:
    """Decide what to wait for: deferred recipients come back; those in a batch may still be deferred."""
    soonest = session.scalar(select(func.min(RecipientRow.not_before)).where(*_waiting(run.id)))
    if soonest is None and not on_their_way and not _any_waiting(session, run.id):
        return SendWindow(over=True)
    wait = (soonest - moment).total_seconds() if soonest else SOON
    return SendWindow(after=min(LONGEST_LOOK, max(SOON, wait)) if not on_their_way else SOON)


def _in_batches(session: Session, run_id: str, people: Sequence[str]) -> list[str]:
    """Put recipients into batches, as SENDING. Returns the batches' ids."""
    parts = [people[begin : begin + BATCH] for begin in range(0, len(people), BATCH)]
    batches = {new_id(): part for part in parts}
    rows = [{"run_id": run_id, "user_id": id, "batch_id": batch} for batch, part in batches.items() for id in part]
    _SEND(session, rows)
    return list(batches)


def _sending(_: str, given: Any) -> Any:
    row = table_of(RecipientRow)
    here = (row.c.run_id == given.run_id, row.c.user_id == given.user_id, row.c.state == RecipientStatus.WAITING)
    return (
        update(row)
        .where(*here)
        .values(state=RecipientStatus.SENDING, batch_id=given.batch_id, updated_at=statement_time())
    )


_COLUMNS = table_of(RecipientRow).c
_SEND = Many(_sending, _COLUMNS.run_id, _COLUMNS.user_id, _COLUMNS.batch_id)


def _waiting(run_id: str) -> tuple[ColumnElement[bool], ...]:
    return RecipientRow.run_id == run_id, standing(RecipientStatus.WAITING)


def _ready(session: Session, run_id: str, most: int) -> Sequence[str]:
    due = or_(RecipientRow.not_before.is_(None), RecipientRow.not_before <= statement_time())
    query = select(RecipientRow.user_id).where(*_waiting(run_id), due)
    return session.scalars(query.order_by(RecipientRow.user_id).limit(most)).all()


def _any_waiting(session: Session, run_id: str) -> bool:
    return session.scalar(select(RecipientRow.user_id).where(*_waiting(run_id)).limit(1)) is not None


def _on_their_way(session: Session, run_id: str) -> int:
    here = (RecipientRow.run_id == run_id, standing(RecipientStatus.SENDING))
    return session.scalar(select(func.count()).select_from(RecipientRow).where(*here)) or 0


def _share(campaign: CampaignRow) -> int:
    """Return how many recipients a throttled campaign releases in one turn."""
    assert campaign.throttle
    return max(1, int(campaign.throttle * TURN / 60))


def _room(campaign: CampaignRow, on_their_way: int, most_batches: int) -> int:
    """Return how many may be released: mails in flight that do not arrive hold back what follows."""
    room = most_batches * BATCH - on_their_way
    if not campaign.throttle:
        return room
    share = _share(campaign)
    return min(room, share, max(share, campaign.throttle // 6) - on_their_way)


def _spent(campaign: CampaignRow, run: CampaignRunRow, moment: datetime) -> float:
    """Return the seconds that the campaign is ahead of its pace."""
    if not campaign.throttle or not run.paced_to:
        return 0.0
    return (run.paced_to - moment).total_seconds()


def _pay(campaign: CampaignRow, run: CampaignRunRow, count: int, moment: datetime) -> float:
    """Charge `count` mails to the pace. Returns the seconds until the next turn."""
    if not campaign.throttle:
        return SOON
    since = max(run.paced_to or moment, moment - timedelta(seconds=CATCH_UP))
    run.paced_to = since + timedelta(seconds=60 * count / campaign.throttle)
    return max(SOON, (run.paced_to - moment).total_seconds())
