"""The reaper: every consuming process looks for dead ones now and then, and for what has expired.

Looking is cheap and only reads; a process that finds something writes. A file that was replaced is found here too.
"""

import logging
import sqlite3
import time

from litebroker import consumers, owners, queues
from litebroker.acknowledgement import give_back
from litebroker.database import Database, FileReplaced
from litebroker.deadletters import bury

logger = logging.getLogger(__name__)

ORPHANS_EVERY = 20  # the folder may have been cleaned by hand: a rarer look at the rows themselves


class Reaper:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_reap = self._next_sweep = 0.0
        self._rounds = 0
        self._file = database.file()

    def run(self) -> None:
        """Do what is due by the two intervals. Raises FileReplaced."""
        now = time.monotonic()
        if now >= self._next_reap:
            self._next_reap = now + self._database.options.reap_interval
            self._same_file()
            self.reap()
        if now >= self._next_sweep:
            self._next_sweep = now + self._database.options.sweep_interval
            self.sweep()

    def _same_file(self) -> None:
        if self._database.file() != self._file:
            raise FileReplaced(f"{self._database.path} is not the file it was; consuming anew")

    def reap(self) -> None:
        """Give back the messages of dead owners, and delete their consumers and exclusive queues."""
        found = owners.names(self._database.owners)
        if self._rounds % ORPHANS_EVERY == 0:
            found |= holders(self._database)
        self._rounds += 1
        for name in sorted(found - {self._database.owner()}):
            with owners.if_dead(self._database.owners, name) as dead:
                if dead:
                    self._bury_owner(name)

    def _bury_owner(self, name: str) -> None:
        with self._database.write() as db:
            given_back = release(db, name)
        (self._database.owners / name).unlink(missing_ok=True)
        self._database.news()
        if given_back:
            logger.warning("process of owner %s is gone: %d messages back in their queues", name, given_back)

    def sweep(self) -> None:
        """Delete queues that have expired, bury expired messages, and trim queues that are too long."""
        now = time.time()
        if self._database.read(_ANYTHING_EXPIRED, (now, now)):
            with self._database.write() as db:
                _expire(db, now)
            self._database.news()
        for name, length in self._database.read(_OVERLONG):
            with self._database.write() as db:
                queues.trim(db, name, length)


def holders(database: Database) -> set[str]:
    """Return the owners named in any row."""
    rows = database.read(
        "SELECT owner FROM message WHERE owner IS NOT NULL UNION SELECT owner FROM consumer"
        " UNION SELECT exclusive_to FROM queue WHERE exclusive_to IS NOT NULL"
    )
    return {row[0] for row in rows}


def release(db: sqlite3.Connection, owner: str) -> int:
    """Give back the messages of an owner and delete its consumers. Returns how many messages."""
    held = db.execute("SELECT id FROM message WHERE owner = ?", (owner,)).fetchall()
    for (id_,) in held:
        give_back(db, id_)
    consumers.remove_all(db, owner)
    return len(held)


_UNUSED = (
    "expires IS NOT NULL AND last_used + expires < ?"
    " AND NOT EXISTS (SELECT 1 FROM consumer WHERE consumer.queue = queue.name)"
)
_STALE = "expires_at IS NOT NULL AND expires_at < ? AND owner IS NULL"
_ANYTHING_EXPIRED = (
    f"SELECT 1 WHERE EXISTS (SELECT 1 FROM queue WHERE {_UNUSED})"  # noqa: S608
    f" OR EXISTS (SELECT 1 FROM message WHERE {_STALE})"
)
_OVERLONG = (
    "SELECT name, max_length FROM queue WHERE max_length IS NOT NULL AND max_length <"
    " (SELECT count(*) FROM message WHERE message.queue = queue.name AND owner IS NULL)"
)


def _expire(db: sqlite3.Connection, now: float) -> None:
    for (queue,) in db.execute(f"SELECT name FROM queue WHERE {_UNUSED}", (now,)).fetchall():  # noqa: S608
        queues.delete(db, queue)
    for (id_,) in db.execute(f"SELECT id FROM message WHERE {_STALE}", (now,)).fetchall():  # noqa: S608
        bury(db, id_, "expired")
