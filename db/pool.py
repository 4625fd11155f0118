"""The connections of one process to PostgreSQL, and how many the server has room for.

A connection that was not used for a while is closed: another process may need its place at the server. A thread that
finds the server full waits until a connection of its own process comes back or the server has room.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from typing import Any, NamedTuple, cast

from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty, Queue

from db.postgres_connection import is_full

CROWDED = 10.0  # seconds to wait for a connection, from this process's pool or from the server
IDLE = 5.0  # seconds without use after which a connection is closed; less than other processes wait for a place

ROOM = text("""
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
            nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
""")


class ElasticPool(QueuePool):
    """A pool that holds as many connections as were needed of late, and takes the one used last first.

    Raises the server's error if it was full for CROWDED seconds and no connection came back to this pool.
    """

    def _do_get(self) -> ConnectionPoolEntry:
        deadline = time.monotonic() + CROWDED
        while True:
            try:
                return super()._do_get()
            except Exception as error:
                if not is_full(error) or time.monotonic() > deadline:
                    raise
            try:
                return self._pool.get(True, random.uniform(0.05, 0.2))  # noqa: S311 - jitter
            except Empty:
                continue  # none came back to this pool: perhaps another process has made room

    def close_idle(self, seconds: float) -> int:
        """Close the connections at rest that were not used for so many seconds. Returns how many."""
        resting = cast(Queue[ConnectionPoolEntry], self._pool)
        before = time.monotonic() - seconds
        with resting.mutex:
            old = [record for record in resting.queue if record.info.get("used", before) <= before]
            for record in old:
                resting.queue.remove(record)
        for record in old:
            record.close()
            self._dec_overflow()
        return len(old)


def note_use(_: Any, record: Any) -> None:
    """Note when a connection came back to the pool. A listener for SQLAlchemy's event "checkin"."""
    record.info["used"] = time.monotonic()


def keep_small(pool: ElasticPool) -> None:
    """Start a thread that closes idle connections for as long as the pool exists."""
    threading.Thread(target=_tend, args=(weakref.ref(pool),), name="idle connections", daemon=True).start()


def _tend(found: weakref.ref[ElasticPool]) -> None:
    while (pool := found()) is not None:
        pool.close_idle(IDLE)
        del pool  # or it would live as long as this thread sleeps
        time.sleep(IDLE / 2)


class Room(NamedTuple):
    """How many connections are open at the server, of all its clients, and how many this role may open at most."""

    open: int
    most: int


def room(session: Session) -> Room:
    """Ask PostgreSQL for its Room, by the limits of the server, of this database and of this role."""
    return Room(*session.execute(ROOM).one())


def shortage(processes: int, each: int, most: int) -> str | None:
    """Return a sentence with advice if `processes` with `each` connections exceed `most`; None if all fit."""
    if processes * each <= most:
        return None
    said = f"{processes} processes may open {processes * each} connections, the server has room for {most}"
    fit = most // processes
    return f"{said}: DATABASE_CONNECTIONS={fit} would fit" if fit else f"{said}: raise its max_connections"
