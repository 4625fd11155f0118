"""Workers poke the clock as beat does, because a machine's clock that is set back leaves beat silent for as long.

Beat times itself by its machine's clock. A worker pokes by the database's, which it knows from its sweep without
asking: soon after the next slot is reached, and at once when the clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from engine.clock import next_slot

BEHIND = timedelta(seconds=2)  # how long after a slot a worker pokes: mostly beat has begun it by then
STEP = timedelta(seconds=1)  # by which the time may seem to go back without having been set, since it is reckoned

Look = Callable[[], object]

_looks: list[Look] = []


def poked(look: Look) -> Look:
    """Register a function that workers call at every slot; return it. Calling it twice, or late, must do no harm."""
    _looks.append(look)
    return look


class Poker:
    """Calls the registered functions when a slot is reached, or when the database's clock was set back."""

    def __init__(self) -> None:
        self._seen: datetime | None = None
        self._next: datetime | None = None

    def look(self, at: datetime | None) -> bool:
        """Call the registered functions if it is time to. Returns whether it was.

        `at`: the time by the database's clock; None: unknown, nothing is done.
        """
        if at is None:
            return False
        due = self._is_due(at)
        if due:
            for look in _looks:
                look()
        if due or self._next is None:
            self._next = next_slot(at) + BEHIND
        self._seen = at
        return due

    def _is_due(self, at: datetime) -> bool:
        if self._seen is None or self._next is None:
            return False
        return at >= self._next or at < self._seen - STEP
