"""A buffer of runs that are about to be sent, grouped by their place."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from engine.limits import WAVE

P = TypeVar("P")


class SendBuffer(Generic[P]):
    """A queue that is filled run by run and emptied wave by wave. Not thread-safe."""

    def __init__(self) -> None:
        self._ids: dict[P, deque[str]] = defaultdict(deque)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, parcels: Iterable[tuple[P, str]]) -> None:
        for place, id in parcels:
            self._ids[place].append(id)
            self._count += 1

    def has_full_wave(self) -> bool:
        return any(len(ids) >= WAVE for ids in self._ids.values())

    def take_full_waves(self) -> list[tuple[P, str]]:
        """Take the runs that fill whole waves, oldest first; the others stay."""
        return self._take({place: len(ids) // WAVE * WAVE for place, ids in self._ids.items()})

    def take_all(self) -> list[tuple[P, str]]:
        return self._take({place: len(ids) for place, ids in self._ids.items()})

    def _take(self, numbers: dict[P, int]) -> list[tuple[P, str]]:
        taken = [(place, self._ids[place].popleft()) for place, number in numbers.items() for _ in range(number)]
        self._ids = defaultdict(deque, {place: ids for place, ids in self._ids.items() if ids})
        self._count -= len(taken)
        return taken
