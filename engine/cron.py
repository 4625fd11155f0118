"""Cron expressions in the local time of a zone, also in the nights when its clocks are changed. All results are in UTC.

In the night the clocks go back 02:30 comes once, the first time; where they go forward over it, at 03:00. What comes
every hour comes every hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError


def is_cron(text: str) -> bool:
    """Return whether the text is a cron expression of five fields that some day comes true."""
    try:
        return text.isascii() and len(text.split()) == 5 and next(CronSim(text, datetime.now(UTC)), None) is not None
    except CronSimError:
        return False


def occurrences(expression: str, at: datetime, zone: tzinfo, *, reverse: bool = False) -> Iterator[datetime]:
    return (slot.astimezone(UTC) for slot in CronSim(expression, at.astimezone(zone), reverse=reverse))


def following(expression: str, at: datetime, zone: tzinfo) -> datetime | None:
    """Return the first occurrence after `at`; None: it never comes.

    In the hour that comes twice cronsim begins with the first of the two, which may lie before `at`.
    """
    return next((slot for slot in occurrences(expression, at, zone) if slot > at), None)


def latest(expression: str, at: datetime, zone: tzinfo) -> datetime | None:
    """Return the newest occurrence that is not after `at`; None: there is none.

    In the hour that comes twice cronsim looks back too far.
    """
    just_after = at.replace(microsecond=0) + timedelta(seconds=1)
    found = next(occurrences(expression, just_after, zone, reverse=True), None)
    while found and (after := following(expression, found, zone)) and after <= at:
        found = after
    return found


def in_english(expression: str) -> str:
    return CronSim(expression, datetime.now(UTC)).explain()
