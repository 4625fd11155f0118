"""When a campaign is due, in words and by the calendar of its time zone; and its quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from engine import cron
from shop.campaigns.tables import CampaignRow


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    return name in _zones()


def following(row: CampaignRow, moment: datetime) -> datetime | None:
    """Return its first due time after this moment. None: there is none."""
    if row.cron is None:
        return row.once_at if row.once_at and row.once_at > moment else None
    return cron.following(row.cron, moment, ZoneInfo(row.time_zone))


def latest(row: CampaignRow, moment: datetime) -> datetime | None:
    """Return its last due time up to this moment: of several missed ones only this counts. None: there is none."""
    if row.cron is None:
        return row.once_at if row.once_at and row.once_at <= moment else None
    return cron.latest(row.cron, moment, ZoneInfo(row.time_zone))


def upcoming(row: CampaignRow, moment: datetime, count: int = 3) -> list[datetime]:
    """List the next `count` due times after this moment."""
    if row.cron is None:
        return [row.once_at] if row.once_at and row.once_at > moment else []
    return list(islice(cron.occurrences(row.cron, moment, ZoneInfo(row.time_zone)), count))


def explained(row: CampaignRow) -> str:
    """Describe the schedule in English."""
    if row.cron:
        return f"{cron.in_english(row.cron)}, by the clocks of {row.time_zone}"
    if row.once_at:
        there = row.once_at.astimezone(ZoneInfo(row.time_zone))
        return f"Once, on {there:%A, %d %B %Y} at {there:%H:%M}, by the clocks of {row.time_zone}"
    return "Not scheduled"


def quiet_for(row: CampaignRow, moment: datetime) -> float:
    """Return the seconds until the quiet hours are over; 0 outside of them."""
    if not row.quiet_from or not row.quiet_until:
        return 0.0
    zone = ZoneInfo(row.time_zone)
    there, begin, end = moment.astimezone(zone), time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_until)
    if not _within(there.time(), begin, end):
        return 0.0
    day = there.date() + timedelta(days=there.time() >= end)
    over = datetime.combine(day, end, zone)
    return max(1.0, (over.astimezone(UTC) - moment).total_seconds())


def _within(now: time, begin: time, end: time) -> bool:
    return begin <= now < end if begin <= end else now >= begin or now < end
