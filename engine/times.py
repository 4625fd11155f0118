"""From the times of a schedule to its slots. The same moment gives everybody the same ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim

from beat_schedule import Cron, Every, Time


def latest(time: Time, at: datetime, zone: tzinfo) -> datetime:
    """The newest slot that is not after `at`, in UTC.

    In the night the clocks go back 02:30 comes once, the first time; where they go forward over it, at 03:00.
    What comes every hour comes every hour.
    """
    if isinstance(time, Every):
        return _slot(time, at, 0)
    slot = _before(time, at, zone)
    while (after := following(time, slot, zone)) <= at:  # in the hour that comes twice, cronsim looks back too far
        slot = after
    return slot


def following(time: Time, at: datetime, zone: tzinfo) -> datetime:
    """The first slot after `at`, in UTC."""
    if isinstance(time, Every):
        return _slot(time, at, 1)
    slots = (slot.astimezone(UTC) for slot in CronSim(time.expression, at.astimezone(zone)))
    return next(slot for slot in slots if slot > at)  # in the hour that comes twice, cronsim begins with the first


def in_english(time: Time) -> str:
    if isinstance(time, Cron):
        return CronSim(time.expression, datetime.now(UTC)).explain()
    return f"Every {time.seconds} seconds"


def _slot(time: Every, at: datetime, ahead: int) -> datetime:
    number = int(at.timestamp()) // time.seconds + ahead
    return datetime.fromtimestamp(number * time.seconds, UTC)


def _before(time: Cron, at: datetime, zone: tzinfo) -> datetime:
    """A slot that is not after `at`."""
    just_after = at.replace(microsecond=0) + timedelta(seconds=1)
    return next(CronSim(time.expression, just_after.astimezone(zone), reverse=True)).astimezone(UTC)
