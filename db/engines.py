"""One SQLAlchemy engine for each process: how it connects to PostgreSQL and to SQLite."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from config import checks, settings
from db import sqlite_log
from db.pool import CROWDED, ElasticPool, keep_small, note_use
from db.postgres_connection import WatchedConnection

RESTED = 1.0  # seconds without use after which a connection is pinged before it is used


_engines: dict[int, Engine] = {}
_making = threading.Lock()


def engine() -> Engine:
    """Return this process's engine with its pool, making it at the first call. A forked child makes its own."""
    return _engines.get(os.getpid()) or _make_engine()


def _make_engine() -> Engine:
    with _making:  # two threads at once would make two, and one of them would never be closed
        if os.getpid() not in _engines:
            url = settings().database_url
            _engines[os.getpid()] = _sqlite(url) if url.startswith("sqlite") else _postgresql(url)
        return _engines[os.getpid()]


def forget_engine(*, close: bool = True) -> None:
    """Close this process's pool, if it has one; the next call of `engine` makes another, by the settings of that time.

    close: False leaves the sockets alone: after a fork they belong to the parent.
    """
    for made in _engines.values():
        made.dispose(close=close)
    _engines.clear()


def _postgresql(url: str) -> Engine:
    size = settings().database_connections
    # Last in, first out: the connection that was used a moment ago has its statements prepared, and needs no ping.
    sizes: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "pool_use_lifo": True, "pool_timeout": CROWDED}
    made = create_engine(url, poolclass=ElasticPool, **sizes, hide_parameters=True)
    event.listen(made, "do_connect", _connect)
    event.listen(made, "checkin", note_use)
    event.listen(made, "checkout", _ping_if_rested(made.dialect))
    keep_small(cast(ElasticPool, made.pool))
    return made


def _ping_if_rested(dialect: Dialect) -> Callable[[Any, Any, Any], None]:
    """Return a listener that pings connections which rested: the server may be gone.

    On one used just now the statement itself fails, and `in_transaction` tries again.
    """

    def ping(connection: Any, record: Any, _: Any) -> None:
        now = time.monotonic()
        if now - record.info.get("used", now) < RESTED:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    return ping


def _connect(_: Any, __: Any, arguments: Any, options: Any) -> Any:
    return WatchedConnection.connect(*arguments, **options)


def _sqlite(url: str) -> Engine:
    made = create_engine(url, pool_size=10, max_overflow=40, connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    if file := _file_of(made):
        with suppress(OSError):  # no such folder, no room: SQLite raises it at the first statement
            checks.private_file(file)
        sqlite_log.keep_short(made, file)
    return made


def _file_of(made: Engine) -> Path | None:
    name = made.url.database or ":memory:"
    return None if name.startswith((":memory:", "file:")) else Path(name)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Set SQLite's pragmas. `secure_delete` overwrites what is deleted: a used token is on no disk (`sqlite_log`)."""
    connection.isolation_level = None  # `_begin_sqlite` begins transactions, not Python's driver
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "secure_delete=ON")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    """Begin a transaction. A writer takes the lock first: a read that turns into a write could not wait for it."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _forget_after_fork() -> None:
    _making.release()
    forget_engine(close=False)


os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_forget_after_fork)
