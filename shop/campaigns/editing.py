"""Administration of campaigns by staff: create, change, list, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.functions import read_clock, statement_time
from db.schema import new_id
from db.statements import for_update
from engine import cron
from shop.campaigns import calendar as campaign_calendar
from shop.campaigns import coupons, rendering, scheduler, segments
from shop.campaigns.tables import CampaignRow, CampaignRunRow, LatePolicy, Status
from shop.kernel.errors import Invalid, NotFound, Refusal

PACE = frozenset({"throttle", "quiet_from", "quiet_until", "name"})
"""What may be changed while mails are being sent."""


class NotNow(Refusal):
    """The campaign's state does not allow this."""

    code, title = "campaign_state", "Not possible in this state"


def listed(session: Session, *, limit: int, before: str | None) -> list[CampaignRow]:
    """List campaigns, newest first, beginning below the id `before`."""
    query = select(CampaignRow).order_by(CampaignRow.id.desc()).limit(limit)
    return list(session.scalars(query.where(CampaignRow.id < before) if before else query))


def get(session: Session, id: str) -> CampaignRow:
    """Load a campaign. Raises NotFound."""
    row = session.get(CampaignRow, id)
    if row is None:
        raise NotFound("There is no such campaign.")
    return row


def lock(session: Session, id: str) -> CampaignRow:
    """Load a campaign and lock it: it is neither changed nor started elsewhere until this transaction ends.

    Raises NotFound.
    """
    row = session.scalars(for_update(select(CampaignRow).where(CampaignRow.id == id))).first()
    if row is None:
        raise NotFound("There is no such campaign.")
    return row


def make(session: Session, values: Mapping[str, Any], actor_id: str | None) -> CampaignRow:
    """Create a draft. Raises Invalid."""
    defaults = {"time_zone": "UTC", "late_policy": LatePolicy.SEND, "coupon_personal": False, "status": Status.DRAFT}
    row = CampaignRow(**{"id": new_id(), "segment": {"all": True}, **defaults, **values}, actor_id=actor_id)
    _check(session, row)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def change(session: Session, id: str, values: Mapping[str, Any]) -> CampaignRow:
    """Change a campaign; content and audience only while no run is under way, its pace at any time.

    Raises NotFound, NotNow and Invalid.
    """
    row = lock(session, id)
    _check_state(session, row, values)
    for name, value in values.items():
        setattr(row, name, value)
    _check(session, row)
    if row.status == Status.SCHEDULED and values.keys() & {"once_at", "cron", "time_zone"}:
        row.next_at = next_time(session, row)
    row.updated_at = statement_time()
    session.flush()
    session.refresh(row)
    return row


def remove(session: Session, id: str) -> None:
    """Delete a campaign that has never run; one that has stays for the record. Raises NotFound and NotNow."""
    row = lock(session, id)
    if session.scalar(select(exists().where(CampaignRunRow.campaign_id == id))):
        raise NotNow("It has run, and stays for the record. Cancel it instead.")
    session.delete(row)
    session.flush()


def next_time(session: Session, row: CampaignRow) -> Any:
    """Return its next due time. Raises Invalid when none lies ahead."""
    at = campaign_calendar.following(row, read_clock(session))
    if at is None:
        raise Invalid({"schedule": ["Has no time left that lies ahead; or say now: true."]})
    return at


def refuse_cancelled(row: CampaignRow) -> None:
    """Raise NotNow for a cancelled campaign: nothing becomes of it any more."""
    if row.status == Status.CANCELLED:
        raise NotNow("It is cancelled.")


def _check_state(session: Session, row: CampaignRow, values: Mapping[str, Any]) -> None:
    refuse_cancelled(row)
    if not values.keys() <= PACE and scheduler.is_under_way(session, row.id):
        raise NotNow("It is being sent: only its name, throttle_per_minute and quiet_hours can be changed meanwhile.")


def _check(session: Session, row: CampaignRow) -> None:
    errors = _wrong_times(row)
    if (row.late_policy == LatePolicy.WITHIN) != (row.late_hours is not None):
        errors["late"] = ["Hours are needed for within, and mean nothing otherwise."]
    if errors:
        raise Invalid(errors)
    segments.compiled(row.segment)
    coupons.check(session, row.coupon_code, personal=row.coupon_personal)
    rendering.check(rendering.content(row))


def _wrong_times(row: CampaignRow) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not campaign_calendar.is_zone(row.time_zone):
        errors["time_zone"] = ["Must be the name of a time zone, such as Europe/Berlin."]
    if row.cron is not None and not cron.is_cron(row.cron):
        errors["schedule"] = ["cron must be five fields that some day come true."]
    if (row.quiet_from is None) != (row.quiet_until is None) or (row.quiet_from and row.quiet_from == row.quiet_until):
        errors["quiet_hours"] = ["Need a beginning and another end."]
    return errors
