"""Whose lease is over. That a time has passed does not say that its holder is dead.

A database that was locked let no holder renew, a clock that was set forward lets every lease seem over, and a sweeper
that stood still has not looked. So a lease is over when it was seen to be, unchanged, for GRACE seconds in which this
very process could write whenever it tried.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine import limits

PROMPT = 1.0  # seconds that a write may take of a database that lets others write, too
ENOUGH = 10  # looks, between which its holder could write: where it is never prompt, that has to do


@dataclass
class Sight:
    until: datetime | None
    steady_since: float
    looks: int = 0


class Leases:
    """What this process has seen of leases that seem to be over."""

    def __init__(self) -> None:
        self._seen: dict[str, Sight] = {}
        self._last = 0.0

    def over(self, seeming: Mapping[str, datetime | None], waited: float) -> set[str]:
        """Of these runs (until when they were leased) those whose holder is gone. `waited`: s for our own write."""
        now = time.monotonic()
        steady = waited < PROMPT and now - self._last < limits.GRACE
        self._seen = {run: self._look(run, until, now, steady) for run, until in seeming.items()}
        self._last = now
        return {run for run, sight in self._seen.items() if _is_over(sight, now)}

    def _look(self, run: str, until: datetime | None, now: float, steady: bool) -> Sight:
        sight = self._seen.get(run)
        if sight is None or sight.until != until:
            return Sight(until, now, 1)
        return Sight(until, sight.steady_since if steady else now, sight.looks + 1)


def _is_over(sight: Sight, now: float) -> bool:
    return now - sight.steady_since >= limits.GRACE or sight.looks >= ENOUGH
