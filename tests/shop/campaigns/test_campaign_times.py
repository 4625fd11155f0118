"""When campaigns are due: by the clocks of their time zone, also on the nights when these change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine import cron
from shop.campaigns import calendar
from shop.campaigns.tables import CampaignRow

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def by_cron(text: str, zone: str = BERLIN) -> CampaignRow:
    return CampaignRow(cron=text, time_zone=zone)


def test_an_hour_that_comes_twice_in_autumn_is_due_once() -> None:
    row = by_cron("30 2 * * *")
    assert calendar.upcoming(row, at("2026-10-24 12:00")) == [
        at("2026-10-25 00:30"),  # 02:30 summer time, not once more an hour later
        at("2026-10-26 01:30"),
        at("2026-10-27 01:30"),
    ]
    assert calendar.latest(row, at("2026-10-25 02:00")) == at("2026-10-25 00:30")
    assert calendar.following(row, at("2026-10-25 00:30")) == at("2026-10-26 01:30")


def test_what_comes_every_hour_comes_in_both_of_the_same_name() -> None:
    row, moment, found = by_cron("5 * * * *"), at("2026-10-24 23:00"), []
    for _ in range(4):
        found.append(moment := calendar.following(row, moment) or moment)
        assert calendar.latest(row, moment) == moment
    assert found == [at(f"2026-10-{text}") for text in ("24 23:05", "25 00:05", "25 01:05", "25 02:05")]


def test_an_hour_that_is_left_out_in_spring_is_due_as_soon_as_it_is_over() -> None:
    row = by_cron("30 2 * * *")
    assert calendar.upcoming(row, at("2026-03-28 12:00"), 2) == [
        at("2026-03-29 01:00"),
        at("2026-03-30 00:30"),
    ]
    assert calendar.latest(row, at("2026-03-29 12:00")) == at("2026-03-29 01:00")


def test_of_many_times_that_were_slept_through_the_last_one_counts() -> None:
    assert calendar.latest(by_cron("0 9 * * *", "UTC"), at("2026-05-10 08:59:59")) == at("2026-05-09 09:00")
    assert calendar.latest(by_cron("0 9 * * *", "UTC"), at("2026-05-10 09:00")) == at("2026-05-10 09:00")


def test_a_time_said_once_is_due_once() -> None:
    row = CampaignRow(once_at=at("2026-05-10 09:00"), time_zone=BERLIN)
    assert calendar.following(row, at("2026-05-10 08:00")) == at("2026-05-10 09:00")
    assert calendar.following(row, at("2026-05-10 09:00")) is None
    assert calendar.latest(row, at("2026-05-12 09:00")) == at("2026-05-10 09:00")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (by_cron("0 9 * * MON"), "At 09:00 on Monday, by the clocks of Europe/Berlin"),
        (
            CampaignRow(once_at=at("2026-05-10 07:30"), time_zone=BERLIN),
            "Once, on Sunday, 10 May 2026 at 09:30, by the clocks of Europe/Berlin",
        ),
        (CampaignRow(time_zone=BERLIN), "Not scheduled"),
    ],
)
def test_a_schedule_is_explained_in_english(row: CampaignRow, said: str) -> None:
    assert calendar.explained(row) == said


@pytest.mark.parametrize("text", ["", "x", "* * * *", "* * * * * *", "61 * * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_seen(text: str) -> None:
    assert not cron.is_cron(text)


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-05-10 18:59:59", 0),  # 20:59:59 in Berlin
        ("2026-05-10 19:00", 11 * 3600),
        ("2026-05-11 05:59", 60),
        ("2026-05-11 06:00", 0),
        ("2026-10-24 19:00", 12 * 3600),  # the night has an hour more
        ("2026-03-28 20:00", 10 * 3600),  # and one less
    ],
)
def test_quiet_hours_go_over_midnight_and_over_the_change_of_clocks(moment: str, seconds: float) -> None:
    row = CampaignRow(quiet_from="21:00", quiet_until="08:00", time_zone=BERLIN)
    assert calendar.quiet_for(row, at(moment)) == seconds


def test_quiet_hours_within_a_day() -> None:
    row = CampaignRow(quiet_from="12:00", quiet_until="14:00", time_zone="UTC")
    assert [calendar.quiet_for(row, at(f"2026-05-10 {hour}:00")) for hour in (11, 12, 13, 14)] == [
        0,
        7200,
        3600,
        0,
    ]
