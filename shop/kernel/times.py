"""Moments at the edge of the shop: which are accepted, and the one way they are written for programs."""

from __future__ import annotations

from datetime import UTC, datetime

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
"""Between these two every moment has a date and a time in every zone, and can be added to."""


def in_bounds(moment: datetime) -> datetime:
    """Convert `moment` to UTC. Raises ValueError for one without an offset or outside FIRST to LAST."""
    if moment.tzinfo is None:
        raise ValueError("a moment has an offset")
    try:
        there = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond all calendars") from error
    if not FIRST <= there < LAST:
        raise ValueError("beyond the years that the shop reckons with")
    return there


def rfc3339(moment: datetime) -> str:
    """Format `moment` in UTC with milliseconds, as RFC 3339 has it: `2026-11-29T18:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
