"""The transaction of migrations: only one process at a time changes tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

LOCK = 5_040_917  # one number for all copies of this program: migrations of two databases do not collide


class BrokenReferences(RuntimeError):
    """The migration would have left rows with broken foreign keys; it was rolled back."""


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction, under the lock of migrations. A second process waits for the lock.

    On SQLite, raises BrokenReferences at the end when foreign keys are broken.
    """
    guarded = _on_sqlite if engine.dialect.name == "sqlite" else _on_postgresql
    with engine.connect() as connection, guarded(connection):
        yield connection


@contextmanager
def _on_postgresql(connection: Connection) -> Iterator[None]:
    with connection.begin():
        # The shop's limit protects orders that wait for its locks; on a busy machine alembic pauses for longer.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield


@contextmanager
def _on_sqlite(connection: Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE is the lock. SQLite changes a table by rebuilding it, so foreign keys are off meanwhile."""
    _references(connection, "OFF")
    try:
        with connection.begin():
            yield
            broken = connection.execute(text("PRAGMA foreign_key_check")).all()
            if broken:
                raise BrokenReferences(str(broken[:10]))
    finally:
        _references(connection, "ON")


def _references(connection: Connection, kept: str) -> None:
    """Set `PRAGMA foreign_keys`, on the driver's connection: SQLite ignores it within a transaction."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys={kept}")
