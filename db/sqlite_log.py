"""SQLite's log keeps what was written until it is written over: a token that was forgotten must not lie there for long.

Every process that has the database open empties the log now and then; whoever is not the first finds it empty.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Engine

EVERY = 20.0  # seconds
AGAIN = 1.0  # seconds, when somebody was reading or writing all the time
PATIENCE = 0.2  # seconds to wait for them: those who write wait for us meanwhile


def keep_short(engine: Engine, database: Path) -> None:
    """Empty the log for as long as the engine is there, from a thread of its own."""
    threading.Thread(target=_tend, args=(weakref.ref(engine), database), name="wal", daemon=True).start()


def _tend(found: weakref.ref[Engine], database: Path) -> None:
    while found() is not None:
        time.sleep(EVERY if truncate(database) else AGAIN)


def truncate(database: Path) -> bool:
    """Write the log back into the database and cut it off. False: not now; no harm is done."""
    if not _has_log(database):
        return True
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    return False  # locked, or its disk is full


def _has_log(database: Path) -> bool:
    """Whoever closes the database last deletes it, at any moment."""
    try:
        return database.with_name(f"{database.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
