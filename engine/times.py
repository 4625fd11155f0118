"""The slots of a schedule. Every process computes the same ones for the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from beat_schedule import Cron, Every, Time
from engine import cron


def latest(time: Time, at: datetime, zone: tzinfo) -> datetime:
    """Return the newest slot that is not after `at`, in UTC. `zone`: whose clocks a cron expression is read by."""
    return _slot(time, at, 0) if isinstance(time, Every) else _there(time, cron.latest(time.expression, at, zone))


def following(time: Time, at: datetime, zone: tzinfo) -> datetime:
    """Return the first slot after `at`, in UTC."""
    return _slot(time, at, 1) if isinstance(time, Every) else _there(time, cron.following(time.expression, at, zone))


def in_english(time: Time) -> str:
    return cron.in_english(time.expression) if isinstance(time, Cron) else f"Every {time.seconds} seconds"


def _there(time: Cron, slot: datetime | None) -> datetime:
    assert slot is not None, f"{time.expression} never comes"
    return slot


def _slot(time: Every, at: datetime, ahead: int) -> datetime:
    number = int(at.timestamp()) // time.seconds + ahead
    return datetime.fromtimestamp(number * time.seconds, UTC)
