"""Endpoints for tests, and the door that stands behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

import db
from engine.tables import RunRow
from shop.webhooks.events import DeliveryRow, DomainEventRow
from tests.api.catalogue_data import count
from tests.api.clients import Person
from tests.api.inline_worker import drive
from tests.fixtures import Configure
from tests.sandbox.receiver import Receiver, receiver


@pytest.fixture
def door(configure: Configure) -> Iterator[Receiver]:
    configure(WEBHOOKS_ALLOW_PRIVATE="true")
    with receiver() as made:
        yield made


def listening(root: Person, url: str, *events: str) -> dict[str, Any]:
    answer = root.post("/api/webhook-endpoints", {"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json
    return body


def log(root: Person, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    """Its deliveries, newest first."""
    items: list[dict[str, Any]] = root.get(f"/api/webhook-endpoints/{endpoint['id']}/deliveries").json["items"]
    return items


def carry() -> list[str]:
    """Every delivery that may go now, as far as it goes. Returns where their runs rest then."""
    with db.reading() as session:
        ids = session.scalars(
            select(RunRow.id).where(RunRow.workflow == "deliver_webhook", RunRow.hold == "none")
        ).all()
    return [drive(id) for id in ids]


def came(door: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """What arrived: type and data."""
    bodies = [json.loads(body) for _, body in door.came]
    return [(body["type"], body["data"]) for body in bodies]


def written() -> tuple[int, int]:
    """Happenings and deliveries."""
    return count(DomainEventRow), count(DeliveryRow)
