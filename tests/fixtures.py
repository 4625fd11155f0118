"""Fixtures for everybody: `services`, `configure`, `logged`, and `database` on both kinds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO

import pytest
from sqlalchemy import create_engine, text

import config
import db
import logs
import workflows  # noqa: F401 - whom the shop starts by name
from db import postgres_connection
from db.statements import dialect
from engine import plans
from migrations.models import metadata
from shop.pricing import rates
from shop.stock import locations
from tests.services.session import Services

Configure = Callable[..., None]

IDLE_LONGER = "-c idle_in_transaction_session_timeout=60s"


@dataclass(frozen=True)
class Database:
    """An empty database with all tables, which `db.engine()` and `config.settings()` point at."""

    kind: str
    url: str


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """`services.postgresql`, `.rabbitmq`, `.redis`: real ones, or the test is skipped (in CI: fails)."""
    with ExitStack() as closing:
        yield Services(closing)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """`configure(BANK_URL=...)` for the rest of this test: sets the environment, forgets what was read from it."""

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        _forget()

    yield change
    monkeypatch.undo()
    _forget()


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What this process logs from now on, from INFO, as it is written. Name it after `app`, which says less."""
    logs.configure("INFO")
    ours = next(handler for handler in logging.getLogger().handlers if isinstance(handler, logs.Ours))
    written = StringIO()
    before = ours.setStream(written)
    yield written
    ours.setStream(before)
    logs.configure("WARNING")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Runs the test on both databases. Each test finds all tables, and all of them empty.

    A busy machine may let a test stand for longer than the shop lets a transaction stand idle (tests/test_lines.py).
    """
    monkeypatch.setattr(postgres_connection, "OPTIONS", IDLE_LONGER)
    url: str = request.getfixturevalue(f"_{request.param}_url")
    configure(DATABASE_URL=url)
    empty()
    return Database(request.param, url)


@pytest.fixture(scope="session")
def _sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _with_tables(f"sqlite:///{tmp_path_factory.mktemp('database')}/shop.db")


@pytest.fixture(scope="session")
def _postgresql_url(services: Services) -> Iterator[str]:
    with services.postgresql.database(durable=False) as url:
        yield _with_tables(url)


def _with_tables(url: str) -> str:
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


def empty() -> None:
    """PostgreSQL takes all statements in one go; SQLite is next door anyway."""
    plans.forget()  # those that this process knew are gone with their table
    statements = [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]
    with db.transaction() as session:
        for statement in ["; ".join(statements)] if dialect(session) == "postgresql" else statements:
            session.execute(text(statement))
        rates.seed(session)
        locations.seed(session)


def _forget() -> None:
    db.forget_engine()
    config.settings.cache_clear()
