"""Slots are reckoned from the times alone: the same moment gives everybody the same one, and none is given twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from beat_schedule import SCHEDULE, Cron, Every, Time
from engine.times import following, in_english, latest
from tasks import maintenance  # noqa: F401 - says what the names do
from tasks.periodic import periodic_tasks

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)  # 03:00 becomes 02:00 at 01:00 UTC
SPRING = datetime(2026, 3, 29, tzinfo=UTC)  # 02:00 becomes 03:00 at 01:00 UTC
NIGHTLY, HOURLY = Cron("30 2 * * *"), Cron("30 * * * *")


def slots(time: Time, day: datetime) -> list[str]:
    """What a clock that looks every five minutes begins from 22:00 UTC of the day before on, in UTC."""
    looks = (day + timedelta(minutes=5 * n) for n in range(-24, 24 * 12))
    found = sorted({latest(time, look, BERLIN) for look in looks})
    return [f"{slot:%H:%M}" for slot in found if slot >= day - timedelta(hours=1)]


def test_in_the_night_the_clocks_go_back_half_past_two_comes_once() -> None:
    assert slots(NIGHTLY, AUTUMN) == ["00:30"]


def test_in_the_night_they_go_forward_it_comes_at_three() -> None:
    assert slots(NIGHTLY, SPRING) == ["01:00"]


@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_what_comes_every_hour_comes_every_hour(day: datetime) -> None:
    assert slots(HOURLY, day) == ["23:30", *(f"{hour:02}:30" for hour in range(24))][: len(slots(HOURLY, day))]
    assert len(slots(HOURLY, day)) == 25


@pytest.mark.parametrize("time", [NIGHTLY, HOURLY, Every(60), Every(7), Cron("*/10 1-3 * * *"), Cron("0 3 29 2 *")])
@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_no_slot_lies_between_the_latest_and_the_next(time: Time, day: datetime) -> None:
    for minutes in range(-120, 360, 7):
        at = day + timedelta(minutes=minutes, microseconds=1)
        slot, after = latest(time, at, BERLIN), following(time, at, BERLIN)
        assert slot <= at < after
        assert latest(time, slot, BERLIN) == slot
        assert latest(time, after - timedelta(microseconds=1), BERLIN) == slot


def test_a_slot_is_due_at_its_very_moment_and_not_before() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert latest(Every(3600), noon, BERLIN) == noon
    assert latest(Every(3600), noon - timedelta(microseconds=1), BERLIN) == noon - timedelta(hours=1)
    assert latest(Cron("0 14 * * *"), noon, BERLIN) == noon


def test_times_are_told_in_english() -> None:
    assert in_english(NIGHTLY) == "At 02:30 every day"
    assert in_english(Every(60)) == "Every 60 seconds"


def test_every_name_in_the_schedule_means_something_and_everything_periodic_has_a_time() -> None:
    assert set(SCHEDULE) == set(periodic_tasks)
