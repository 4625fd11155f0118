"""Sending a batch of recipients a few at a time: the outcome of the last handful is written and the next one is taken.

All of it is one short transaction between two handfuls of mails. So a pause, a cancel or an unsubscribe counts from the
next handful on, and a crash leaves no more than one in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, Float, Integer, case, null, select, update
from sqlalchemy.orm import Session

from db.bulk import Many
from db.functions import in_list, in_seconds, read_clock, statement_time
from db.statements import execute_core, table_of
from shop.accounts.users import UserRow
from shop.campaigns import calendar as campaign_calendar
from shop.campaigns import coupons, rendering
from shop.campaigns.rendering import Content
from shop.campaigns.tables import CampaignRow, CampaignRunRow, RecipientRow, RecipientStatus, Stage, Status, standing
from shop.consent import eligibility, suppressions
from shop.consent.eligibility import Recipient
from shop.consent.suppressions import Reason
from shop.kernel import keys

HANDFUL = 4  # mails that a crash may send twice, for each connection; 1 would cost two thirds of the speed
PUT_OFF_FOR = 2 * 86_400.0  # seconds for which a mail server may defer a mail before its recipient is given up
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3600.0  # seconds until a deferred mail is tried again; doubled each time

NOT_WANTED = "is not to be written to"


class Batch(NamedTuple):
    """A batch of recipients. `run`: the run of the campaign it belongs to."""

    run: str
    id: str


@dataclass(frozen=True)
class Ready:
    """A recipient whose mail is to be sent now. `mark`: the same for two copies of one mail."""

    who: Recipient
    coupon: str | None
    attempts: int
    mark: str


@dataclass(frozen=True)
class Handful:
    said: Content
    ready: Sequence[Ready]


@dataclass(frozen=True)
class Result:
    user: str
    state: RecipientStatus
    detail: str | None = None
    after: float | None = None  # seconds until a deferred mail is tried again
    bounced: bool = False


def put_off(ready: Ready, why: str) -> Result:
    """Defer a mail, longer each time; FAILED once it has been deferred for PUT_OFF_FOR."""
    if sum(map(_pause, range(ready.attempts))) >= PUT_OFF_FOR:
        return Result(ready.who.id, RecipientStatus.FAILED, why)
    return Result(ready.who.id, RecipientStatus.WAITING, why, after=_pause(ready.attempts))


def _pause(attempts: int) -> float:
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts, 32))


def send_next(session: Session, batch: Batch, results: Sequence[Result]) -> Handful | None:
    """Write the outcome of the last handful and take the next.

    Returns None when there is none, or when the run is paused, cancelled or in quiet hours: then the batch is released.
    """
    write(session, batch, results)
    campaign, run = session.execute(_OF_RUN, {"run": [batch.run]}).one()
    if not _is_wanted(session, campaign, run):
        release(session, batch)
        return None
    ready: list[Ready] = []
    while not ready and (rows := _next(session, batch)):
        ready = _sorted_out(session, campaign, run, batch, rows)
    return Handful(rendering.content(campaign), ready) if ready else None


def release(session: Session, batch: Batch) -> None:
    """Return the batch's unsent recipients to WAITING."""
    session.execute(_of_batch(batch).values(state=RecipientStatus.WAITING, batch_id=None, updated_at=statement_time()))


def give_up(session: Session, batch: Batch, why: str) -> None:
    """Mark the batch's unsent recipients as FAILED."""
    session.execute(
        _of_batch(batch).values(
            state=RecipientStatus.FAILED, detail=why[:200], batch_id=None, updated_at=statement_time()
        )
    )


def _is_wanted(session: Session, campaign: CampaignRow, run: CampaignRunRow) -> bool:
    going = run.stage == Stage.SENDING and campaign.status not in (Status.PAUSED, Status.CANCELLED)
    return going and not campaign_calendar.quiet_for(campaign, read_clock(session))


def _next(session: Session, batch: Batch) -> Sequence[Any]:
    row = RecipientRow
    query = select(row.user_id, row.coupon_code, row.attempts).where(
        row.run_id == batch.run, row.batch_id == batch.id, standing(RecipientStatus.SENDING)
    )
    return session.execute(query.order_by(row.user_id).limit(HANDFUL)).all()


def _sorted_out(
    session: Session, campaign: CampaignRow, run: CampaignRunRow, batch: Batch, rows: Sequence[Any]
) -> list[Ready]:
    """Skip recipients who may not be sent the topic any more; give the others their own coupon where they need one."""
    willing = eligibility.recipients(session, [row.user_id for row in rows], campaign.topic)
    gone = [Result(row.user_id, RecipientStatus.SKIPPED, NOT_WANTED) for row in rows if row.user_id not in willing]
    write(session, batch, gone)
    there = [row for row in rows if row.user_id in willing]
    own = _own_coupons(session, campaign, batch, there)
    return [_ready(run, row, willing[row.user_id], own.get(row.user_id)) for row in there]


def _ready(run: CampaignRunRow, row: Any, who: Recipient, coupon: str | None) -> Ready:
    return Ready(who, coupon or row.coupon_code, row.attempts, _mark(run, who.id))


def _mark(run: CampaignRunRow, user: str) -> str:
    """Compute the mail's mark.

    Not from the run's id: a restored shop that reaches the same due time makes another run.
    """
    return keys.message("campaign", run.campaign_id, run.due_at.isoformat(), user)


def _own_coupons(session: Session, campaign: CampaignRow, batch: Batch, rows: Sequence[Any]) -> dict[str, str]:
    code = campaign.coupon_code
    if code is None:
        return {}
    if not campaign.coupon_personal:
        return {row.user_id: code for row in rows}
    without = [row.user_id for row in rows if row.coupon_code is None]
    return coupons.hand_out(session, batch.run, without, code)


def write(session: Session, batch: Batch, results: Sequence[Result]) -> None:
    """Write outcomes of recipients that are still in this batch. Suppresses the addresses that bounced."""
    if not results:
        return
    _WRITE(session, [_row(batch, result) for result in results])
    bounced = [result.user for result in results if result.bounced]
    if bounced:
        hashes = select(UserRow.email_hash).where(in_list(UserRow.id, "users"), UserRow.email_hash.is_not(None))
        found = execute_core(session, hashes, {"users": bounced}).scalars().all()
        suppressions.add(session, list(found), Reason.BOUNCE, "refused a campaign's mail")


def _row(batch: Batch, result: Result) -> dict[str, Any]:
    return {
        "run_id": batch.run,
        "batch_id": batch.id,
        "user_id": result.user,
        "state": result.state,
        "detail": result.detail[:200] if result.detail else None,
        "tried": int(result.state != RecipientStatus.SKIPPED),
        "after": result.after,
    }


_ROW = table_of(RecipientRow).c


def _writing(_: str, given: Any) -> Any:
    """Only recipients still in this very batch are updated: a late answer of an earlier one changes nothing."""
    mine = (_ROW.run_id == given.run_id, _ROW.user_id == given.user_id, _ROW.batch_id == given.batch_id)
    return (
        update(table_of(RecipientRow))
        .where(*mine, _ROW.state == RecipientStatus.SENDING)
        .values(
            state=given.state,
            detail=given.detail,
            batch_id=null(),
            attempts=_ROW.attempts + given.tried,
            not_before=case((given.after.is_(None), null()), else_=in_seconds(given.after)),
            updated_at=statement_time(),
        )
    )


_WRITE = Many(
    _writing,
    *(_ROW.run_id, _ROW.user_id, _ROW.batch_id, _ROW.state, _ROW.detail),
    Column("tried", Integer),
    Column("after", Float),
)
_OF_RUN = (
    select(CampaignRow, CampaignRunRow)
    .join(CampaignRunRow, CampaignRunRow.campaign_id == CampaignRow.id)
    .where(in_list(CampaignRunRow.id, "run"))
    .execution_options(populate_existing=True)
)


def _of_batch(batch: Batch) -> Any:
    row = RecipientRow
    here = (row.run_id == batch.run, row.batch_id == batch.id, standing(RecipientStatus.SENDING))
    return update(row).where(*here).execution_options(synchronize_session=False)
