"""Workers look at the clock as beat does: one that is set back leaves beat silent for as long.

Beat times itself by its machine's clock. A worker pokes by the database's, which it knows from its sweep without
asking: soon after the next slot is reached, and at once when the clock was set back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from engine.clock import next_slot

BEHIND = timedelta(seconds=2)  # a slot: mostly beat has begun it by then
STEP = timedelta(seconds=1)  # by which the time may seem to go back, since it is partly reckoned

Look = Callable[[], object]

_looks: list[Look] = []


def poked(look: Look) -> Look:
    """Make a function one of those that workers call at every slot. Calling it twice, or late, must do no harm."""
    _looks.append(look)
    return look


class Poker:
    """Told the time again and again."""

    def __init__(self) -> None:
        self._seen: datetime | None = None
        self._next: datetime | None = None

    def look(self, at: datetime | None) -> bool:
        """`at`: what the database's clock says; None: nobody knows. Returns whether that was the time to poke."""
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
