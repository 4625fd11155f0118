"""Emptying SQLite's log, which keeps what was written until it is overwritten: deleted tokens must not stay there long.

Every process that has the database open empties the log now and then; all but the first find it empty.
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
AGAIN = 1.0  # seconds, when other connections were reading or writing all the time
PATIENCE = 0.2  # seconds to wait for them: writers wait for this thread meanwhile


def keep_short(engine: Engine, database: Path) -> None:
    """Start a thread that empties the log for as long as the engine exists."""
    threading.Thread(target=_tend, args=(weakref.ref(engine), database), name="wal", daemon=True).start()


def _tend(found: weakref.ref[Engine], database: Path) -> None:
    while found() is not None:
        time.sleep(EVERY if truncate(database) else AGAIN)


def truncate(database: Path) -> bool:
    """Write the log back into the database and truncate it.

    Returns False if it was in use or could not be written; safe to call again.
    """
    if not _has_log(database):
        return True
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    return False  # locked, or its disk is full


def _has_log(database: Path) -> bool:
    """Return whether there is a log that is not empty.

    The last process to close the database deletes it, at any moment.
    """
    try:
        return database.with_name(f"{database.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
