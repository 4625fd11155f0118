"""The entries of a cache, and its interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Marks = list[str]


class Kept(NamedTuple):
    """An answer: its body, as JSON, and its ETag."""

    body: str
    tag: str


class Found(NamedTuple):
    """The result of a look-up.

    `marks`: the topics' current marks; None: unknown. `kept`: the answer kept under them.
    """

    marks: Marks | None
    kept: Kept | None = None


class Cache(Protocol):
    def look(self, key: str, topics: Sequence[str]) -> Found: ...

    def keep(self, key: str, marks: Marks, kept: Kept) -> None: ...
