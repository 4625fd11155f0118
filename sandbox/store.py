"""One SQLite file behind an event loop: everything written in one tick shares one commit.

An answer may leave only after the commit that holds its effect, so `write` returns after it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from config import checks

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Store:
    """A writer with group commit and a reader that sees only what is committed."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=checks.OURS_ALONE)
        checks.private_file(path)
        self._writer = _connect(path)
        self._writer.execute("pragma journal_mode = wal")
        # A killed process loses nothing with NORMAL; only a power cut could take the last commits.
        self._writer.execute("pragma synchronous = normal")
        self._writer.executescript(schema)
        self._reader = _connect(path)
        self._reader.execute("pragma query_only = on")
        self._commit: asyncio.Future[None] | None = None

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a savepoint and return its result once it is committed.

        What `work` raises rolls back only `work`; a failed commit raises sqlite3.Error and undoes the whole group.
        """
        commit = self._commit or self._begin()
        with self._savepoint():
            result = work(self._writer)
        await asyncio.shield(commit)  # a caller that is cancelled must not cancel the others
        return result

    def read(self, work: Work[T]) -> T:
        return work(self._reader)

    def close(self) -> None:
        if self._commit:
            self._finish(self._commit)
        self._reader.close()
        self._writer.close()

    def _begin(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        self._writer.execute("begin immediate")
        self._commit = loop.create_future()
        loop.call_soon(self._finish, self._commit)
        return self._commit

    def _finish(self, commit: asyncio.Future[None]) -> None:
        if self._commit is not commit:
            return  # `close` was quicker
        self._commit = None
        try:
            self._writer.execute("commit")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("rollback")
            commit.set_exception(error)
        else:
            commit.set_result(None)

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self._writer.execute("savepoint one")
        try:
            yield
        except BaseException:
            self._writer.execute("rollback to one")
            raise
        finally:
            self._writer.execute("release one")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    db.row_factory = sqlite3.Row
    db.execute("pragma busy_timeout = 5000")
    return db
