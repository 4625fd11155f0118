"""Cache in this process's memory. It drops the least recently used entries first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from caching.entry import Found, Kept, Marks
from caching.version_file import Board

MOST_CHARACTERS = 16_000_000  # of all answers together


class _Entry(NamedTuple):
    until: float
    marks: Marks
    kept: Kept


class InProcess:
    def __init__(self, board: Board, seconds: float, most: int = MOST_CHARACTERS) -> None:
        self._board, self._seconds, self._most = board, seconds, most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def look(self, key: str, topics: Sequence[str]) -> Found:
        marks = self._board.read(topics)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.marks != marks or entry.until < time.monotonic():
                return Found(marks)
            self._entries.move_to_end(key)
        return Found(marks, entry.kept)

    def keep(self, key: str, marks: Marks, kept: Kept) -> None:
        with self._lock:
            self._drop(key)
            self._entries[key] = _Entry(time.monotonic() + self._seconds, marks, kept)
            self._characters += len(kept.body)
            while self._characters > self._most:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        self._characters -= len(entry.kept.body) if entry else 0
