"""One connection to the file for each process, and a lock around it.

SQLite has one writer at a time anyway. Threads that queue at a Python lock take their turn at once; threads with
a connection each would sleep in SQLite's busy handler.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from litebroker import schema
from litebroker.options import Options
from litebroker.owners import Owner

T = TypeVar("T")

LOOK_EVERY = 1.0  # seconds between two looks whether the file is still the one at its path


class FileReplaced(ConnectionError):
    """The file was deleted or replaced: its consumers must declare and consume anew."""


class Database:
    """This process's connection to the broker file, opened when it is needed and shared by its threads."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.options = options
        self.lock = threading.RLock()
        self.bells: set[threading.Event] = set()  # of this process's threads that wait for messages
        self._connection: sqlite3.Connection | None = None
        self._owner: Owner | None = None
        self._synchronous = ""
        self._opened = 0
        self._changes = 0
        self._identity: tuple[int, int] | None = None
        self._file = 0
        self._next_look = 0.0

    @property
    def owners(self) -> Path:
        return self.path.with_name(f"{self.path.name}-owners")

    def owner(self) -> str:
        """Return the name by which this process holds messages, taking one at the first call."""
        with self.lock:
            if self._owner is None:
                self._owner = Owner(self.owners)
            return self._owner.name

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.lock:
            return self._open().execute(sql, parameters).fetchall()

    def ask(self, question: Callable[[sqlite3.Connection, str], T], name: str) -> T:
        """Call `question(connection, name)`, which must only read, under the lock."""
        with self.lock:
            return question(self._open(), name)

    @contextmanager
    def write(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Open a transaction that holds SQLite's write lock from its start, and is on disk at its end if `durable`.

        Raises sqlite3.OperationalError if the file is busy for longer than `busy_timeout`.
        """
        with self.lock:
            self.file()
            db = self._open()
            self._synchronise(db, self.options.synchronous if durable else "NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back already
                    db.execute("ROLLBACK")
                raise

    def version(self) -> tuple[int, int, int]:
        """Return a value that changes with every commit of another process and every call of `news`."""
        with self.lock:
            seen = self._open().execute("PRAGMA data_version").fetchone()[0]
            return self._opened, int(seen), self._changes

    def file(self) -> int:
        """Return the number of the open file: it changes once the file at the path was deleted or replaced.

        The old one is closed then.
        """
        with self.lock:
            now = time.monotonic()
            if self._connection is not None and now >= self._next_look:
                self._next_look = now + LOOK_EVERY
                if _identity(self.path) != self._identity:
                    self.close()
                    self.leave()  # what it held in the old file must not be taken for messages in the new
                    self._file += 1
            return self._file

    def news(self) -> None:
        """Wake this process's consumers after one of its own commits, which SQLite's `data_version` does not show."""
        self._changes += 1
        self.ring()

    def ring(self) -> None:
        for bell in tuple(self.bells):
            bell.set()

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def leave(self) -> None:
        """Give up the name by which this process holds messages."""
        with self.lock:
            if self._owner is not None:
                self._owner.leave()
                self._owner = None

    def in_child(self) -> None:
        """Forget locks, bells and owner, in a forked child: it is another owner, and no thread of it waits yet."""
        self.lock = threading.RLock()
        self.bells.clear()
        if self._owner is not None:
            self._owner.forget()
            self._owner = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._synchronous = ""
            self._opened += 1
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(self.path)
        db = sqlite3.connect(
            self.path, timeout=self.options.busy_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._configure(db)
        except BaseException:
            db.close()
            raise
        self._identity = _identity(self.path)
        return db

    def _configure(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA journal_size_limit = 16777216")  # a burst must not leave a big WAL behind for ever
        if self.options.max_page_count is not None:
            db.execute(f"PRAGMA max_page_count = {int(self.options.max_page_count)}")
        schema.ensure(db)

    def _synchronise(self, db: sqlite3.Connection, mode: str) -> None:
        """Set the mode of the next commit.

        A lost take or ack is only a redelivery: no fsync for these. A later fsync covers all before it.
        """
        if mode != self._synchronous:
            db.execute(f"PRAGMA synchronous = {mode}")
            self._synchronous = mode


def _make_private(path: Path) -> None:
    """Create the file for this user alone, or take the rights of others away; SQLite gives its log the same mode.

    An existing file is not opened here: closing it would free the locks that this process has on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & 0o700)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
