"""Promotions are announced when they start and when they end: each once, however many look, and however late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

import db
from shop.pricing import offer_admin, promotion_events
from shop.webhooks.events import DomainEventRow
from tests.api.offers import coupon, promotion
from tests.fixtures import Database

pytestmark = pytest.mark.usefixtures("database")

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def look() -> int:
    return db.in_transaction(promotion_events.announce)


def told() -> list[tuple[str, str]]:
    """Which promotion did what, in the order in which it was told."""
    with db.reading() as session:
        rows = session.scalars(select(DomainEventRow).order_by(DomainEventRow.at, DomainEventRow.id))
        return [(row.data["promotion_id"], row.kind) for row in rows]


def change(id: str, **values: Any) -> None:
    with db.transaction() as session:
        offer_admin.change(session, offer_admin.promotion(session, id, lock=True), values)


def test_one_starts_and_ends_by_the_clock_once_each() -> None:
    id = promotion(starts_at=now() + HOUR, ends_at=now() + 2 * HOUR)
    assert (look(), told()) == (0, [])
    change(id, starts_at=now() - HOUR)
    assert (look(), look(), told()) == (1, 0, [(id, "promotion.started")])
    change(id, ends_at=now() - timedelta(seconds=1))
    assert (look(), look()) == (1, 0)
    assert told() == [(id, "promotion.started"), (id, "promotion.ended")]


def test_a_clock_that_slept_through_it_tells_of_both_in_their_order() -> None:
    id = promotion(starts_at=now() - 2 * HOUR, ends_at=now() - HOUR)
    assert (look(), look(), told()) == (2, 0, [(id, "promotion.started"), (id, "promotion.ended")])


def test_of_many_that_look_at_once_one_tells(database: Database) -> None:
    ids = sorted(promotion(starts_at=now() - HOUR) for _ in range(5))
    with ThreadPoolExecutor(4) as clocks:
        looks = [clocks.submit(look) for _ in range(4)]
    assert sum(one.result() for one in looks) == 5
    assert sorted(told()) == [(id, "promotion.started") for id in ids]


def test_one_that_is_moved_to_a_later_time_starts_and_ends_anew() -> None:
    id = promotion(ends_at=now() - HOUR)
    assert look() == 2
    change(id, starts_at=now() + HOUR, ends_at=now() + 2 * HOUR)
    assert look() == 0
    change(id, starts_at=now() - HOUR)
    assert look() == 1
    assert [kind for _, kind in told()] == ["promotion.started", "promotion.ended", "promotion.started"]


def test_one_that_is_taken_away_while_it_runs_has_ended() -> None:
    running, not_yet = promotion(), promotion(starts_at=now() + HOUR)
    look()
    with db.transaction() as session:
        for id in (running, not_yet):
            offer_admin.remove(session, offer_admin.promotion(session, id, lock=True))
    assert told() == [(running, "promotion.started"), (running, "promotion.ended")]


def test_coupons_are_nobodys_business() -> None:
    coupon(starts_at=now() - HOUR)
    assert (look(), told()) == (0, [])
