"""`driver`: an engine whose messages and time are in the test's hands, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine

import db
import engine.dispatch
from db import postgres_connection
from db.schema import Base
from engine import attention, backlog_probe, breaker, limits, plans
from engine.dispatch import finish_sending
from engine.tables import FailedAttemptRow, GatewayRow, JournalRow, OperatorActRow, PlanRow, QueueProbeRow, RunRow
from tests.engine import parcels
from tests.engine.driver import Driver
from tests.fixtures import IDLE_LONGER, Configure, Database
from tests.services.session import Services

ROWS = (OperatorActRow, FailedAttemptRow, JournalRow, RunRow, PlanRow, QueueProbeRow, GatewayRow)
TABLES: list[Any] = [parcels.effects, *[row.__table__ for row in ROWS]]


class _NoBroker:
    """In the place of Celery's pool of producers."""

    def acquire(self, block: bool) -> _NoBroker:
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="session")
def _sqlite_of_ours(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _with_tables(f"sqlite:///{tmp_path_factory.mktemp('engine')}/parcels.db")


@pytest.fixture(scope="session")
def _postgresql_of_ours(services: Services) -> Iterator[str]:
    with services.postgresql.database(durable=False) as url:
        yield _with_tables(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def parcel_tables(request: pytest.FixtureRequest, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The engine's tables and the parcels', all empty, and nothing remembered from the test before.

    The shop, which another test may have imported, does not hear of runs that need a person: its tables are not here.
    """
    monkeypatch.setattr(attention, "_hearers", [])
    monkeypatch.setattr(postgres_connection, "OPTIONS", IDLE_LONGER)
    url: str = request.getfixturevalue(f"_{request.param}_of_ours")
    configure(DATABASE_URL=url)
    empty()
    return Database(request.param, url)


def empty() -> None:
    with db.transaction() as session:
        for table in TABLES:
            session.execute(table.delete())
    parcels.clear()
    plans.forget()
    breaker.forget()


def _with_tables(url: str) -> str:
    made = create_engine(url)
    Base.metadata.create_all(made, tables=TABLES[1:])
    parcels.metadata.create_all(made)
    made.dispose()
    return url


@pytest.fixture
def driver(parcel_tables: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    assert finish_sending(30), "a test before this one left runs that are still to be sent"
    driver = Driver(parcel_tables.kind)
    monkeypatch.setattr(limits, "GRACE", 0.0)  # a lease whose time has passed is over, but where that is what is tested
    monkeypatch.setattr(engine.dispatch, "app", SimpleNamespace(producer_pool=_NoBroker()))
    monkeypatch.setattr(engine.dispatch, "send", driver.send)
    monkeypatch.setattr(engine.dispatch, "flusher", lambda: SimpleNamespace(take=_now))
    monkeypatch.setattr(backlog_probe, "send_probe", driver.send_probe)
    yield driver
    plans.forget()


def _now(parcels: list[Any]) -> None:
    """What the flusher does, at once and in this thread; trouble with the broker stays there."""
    with suppress(ConnectionRefusedError):
        engine.dispatch.send_all(parcels)
