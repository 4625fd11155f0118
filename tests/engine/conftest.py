"""`driver`: an engine whose messages and time are in the test's hands, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

import db
import engine.dispatch
from engine import lanes, plans
from tests.engine import parcels
from tests.engine.driver import Driver
from tests.fixtures import Database


class _NoBroker:
    """In the place of Celery's pool of producers."""

    def acquire(self, block: bool) -> _NoBroker:
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


@pytest.fixture
def parcel_tables(database: Database) -> Database:
    """The parcels' table beside the engine's, both empty, and nothing remembered from the test before."""
    parcels.metadata.create_all(db.engine())
    with db.transaction() as session:
        session.execute(parcels.effects.delete())
    parcels.clear()
    plans.forget()
    return database


@pytest.fixture
def driver(parcel_tables: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    driver = Driver(parcel_tables.kind)
    monkeypatch.setattr(engine.dispatch, "app", SimpleNamespace(producer_pool=_NoBroker()))
    monkeypatch.setattr(engine.dispatch, "send", driver.send)
    monkeypatch.setattr(engine.dispatch, "flusher", lambda: SimpleNamespace(take=_now))
    monkeypatch.setattr(lanes, "send_probe", driver.send_probe)
    yield driver
    plans.forget()


def _now(parcels: list[Any]) -> None:
    """What the flusher does, at once and in this thread; trouble with the broker stays there."""
    with suppress(ConnectionRefusedError):
        engine.dispatch.send_all(parcels)
