"""Another program that writes into a file of ours, and takes its time."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Lock:
    """`take`, `give_back`: meanwhile nobody else can write into this SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: sqlite3.Connection | None = None

    def take(self) -> None:
        self._holder = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN IMMEDIATE")

    def give_back(self) -> None:
        if self._holder:
            self._holder.close()  # and with it goes what was not committed
        self._holder = None
