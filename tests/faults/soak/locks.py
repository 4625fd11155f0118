"""Another program that holds the write lock of an SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Lock:
    """The write lock of an SQLite file: between `take` and `give_back` no other process can write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: sqlite3.Connection | None = None

    def take(self) -> None:
        self._holder = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN IMMEDIATE")

    def give_back(self) -> None:
        if self._holder:
            self._holder.close()  # which rolls its transaction back
        self._holder = None
