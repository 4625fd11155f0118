"""The doctor finds a delivery that nobody carries."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

import db
import workflows  # noqa: F401 - carries what is told
from db.schema import new_id
from doctor.webhooks import deliveries_are_carried
from shop.webhooks import endpoints as webhook_endpoints
from shop.webhooks import events
from shop.webhooks.events import DeliveryRow, DomainEvent, Kind
from tests.fixtures import Database


@pytest.fixture(autouse=True)
def delivery(database: Database) -> str:
    """One, on its way."""
    with db.transaction() as session:
        webhook_endpoints.make(session, {"url": "https://example.com/", "events": ["*"]}, by=new_id())
        events.publish(session, [DomainEvent(Kind.STOCK_LOW, {"sku": "CHAIR"})])
        return session.scalars(select(DeliveryRow.id)).one()


def breaches() -> list[str]:
    with db.reading() as session:
        return list(deliveries_are_carried(session))


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def test_nothing_is_wrong_with_one_on_its_way_and_one_that_arrived() -> None:
    assert breaches() == []
    change("UPDATE webhook_deliveries SET state = 'delivered'")
    change("UPDATE runs SET state = 'succeeded', hold = 'end', due_at = NULL")
    assert breaches() == []


def test_one_that_hangs_is_named(delivery: str) -> None:
    change("UPDATE runs SET state = 'failed', hold = 'end', due_at = NULL")
    assert breaches() == [f"delivery {delivery} is pending, and nothing carries it"]


def test_one_that_is_carried_beyond_its_end_is_named(delivery: str) -> None:
    change("UPDATE webhook_deliveries SET state = 'failed'")
    assert breaches() == [f"delivery {delivery} has ended, and is still carried"]
