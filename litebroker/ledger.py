"""Acks and rejects that this process has decided on and not yet written.

Those of many threads are written together, most often with the next take in one transaction. What cannot be written
now, because the disk is full, stays here and is tried again for as long as the process lives.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass

from litebroker.database import Database
from litebroker.errors import passes

logger = logging.getLogger(__name__)

Write = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True)
class Entry:
    write: Write
    is_news: bool  # a message went to a queue: this process's consumers must look


class Ledger:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.pending: list[Entry] = []

    def add(self, write: Write, is_news: bool = False) -> None:
        with self._lock:
            self.pending.append(Entry(write, is_news))

    def settle(self, db: sqlite3.Connection) -> list[Entry]:
        """Write all pending entries in the caller's transaction. Returns them; pass them to `settled` after the commit.

        The caller holds the database's lock from here until `settled`.
        """
        entries = self.pending[:]
        for entry in entries:
            entry.write(db)
        return entries

    def settled(self, entries: list[Entry]) -> None:
        """Drop these entries, which are committed, and wake consumers if messages went to a queue."""
        with self._lock:
            del self.pending[: len(entries)]
        if any(entry.is_news for entry in entries):
            self._database.news()

    def flush(self) -> None:
        """Write what is pending in a transaction of its own. An error that `passes` is logged, and the entries stay."""
        if not self.pending:
            return
        try:
            self._flush()
        except sqlite3.OperationalError as error:
            if not passes(error):
                raise
            logger.warning("%d acks or rejects wait for the broker file: %s", len(self.pending), error)

    def _flush(self) -> None:
        with self._database.lock:  # from the copy to the deletion no other thread may settle
            with self._database.write() as db:
                entries = self.settle(db)
            self.settled(entries)

    def in_child(self) -> None:
        """Forget what is pending, in a forked child: the messages belong to the parent."""
        self._lock = threading.Lock()
        self.pending = []
