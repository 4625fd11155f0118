"""The connections of one process to PostgreSQL, and how many the server has room for.

What nobody has used for a while is closed: under load it is in use, and after it somebody else may need the place.
Whoever finds the server full waits, for one of its own to come back and for room at the server, whichever is first.
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

CROWDED = 10.0  # seconds to wait for a connection, of our own pool or of the server
IDLE = 5.0  # seconds without use after which a connection is closed; less than others wait for a place

ROOM = text("""
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
            nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
""")


class ElasticPool(QueuePool):
    """Holds as many connections as were needed of late, and takes the one used last first.

    Raises what the server said if it has been full for CROWDED seconds, and so has this pool.
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
                continue  # none of ours came back: perhaps somebody else's has made room

    def close_idle(self, seconds: float) -> int:
        """Close what has not been used for so long. Returns how many."""
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
    """Listen to "checkin" with this."""
    record.info["used"] = time.monotonic()


def keep_small(pool: ElasticPool) -> None:
    """Close what is idle for as long as the pool is there, from a thread of its own."""
    threading.Thread(target=_tend, args=(weakref.ref(pool),), name="idle connections", daemon=True).start()


def _tend(found: weakref.ref[ElasticPool]) -> None:
    while (pool := found()) is not None:
        pool.close_idle(IDLE)
        del pool  # or it would live as long as we sleep
        time.sleep(IDLE / 2)


class Room(NamedTuple):
    """Connections that are open at the server, and how many ours may come to."""

    open: int
    most: int


def room(session: Session) -> Room:
    """What PostgreSQL says of itself, of this database and of our role."""
    return Room(*session.execute(ROOM).one())


def shortage(processes: int, each: int, most: int) -> str | None:
    """What is to be done when a deployment may open more than the server lets in; None if it all fits."""
    if processes * each <= most:
        return None
    said = f"{processes} processes may open {processes * each} connections, the server has room for {most}"
    fit = most // processes
    return f"{said}: DATABASE_CONNECTIONS={fit} would fit" if fit else f"{said}: raise its max_connections"
