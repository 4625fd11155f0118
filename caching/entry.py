"""What is kept, and what a cache can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Marks = list[str]


class Kept(NamedTuple):
    """An answer: its body, as JSON, and its ETag."""

    body: str
    tag: str


class Found(NamedTuple):
    """The marks of this moment, None when nobody knows them; and what is kept under them."""

    marks: Marks | None
    kept: Kept | None = None


class Cache(Protocol):
    def look(self, key: str, topics: Sequence[str]) -> Found: ...

    def keep(self, key: str, marks: Marks, kept: Kept) -> None: ...
