"""Which leases are over. That its time has passed does not prove that the worker which holds it is dead.

A locked database lets no holder renew, a clock that was set forward makes every lease seem over, and a sweeping process
may have stood still. So a lease is over when this process has seen it expired and unchanged for GRACE seconds in which
its own writes were prompt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine import limits

PROMPT = 1.0  # seconds in which a write is done while the database lets other processes write, too
ENOUGH = 10  # looks after which a lease is over even if writes are never prompt: between looks its holder could write


@dataclass
class Sight:
    """How often and how long this process has seen one expired lease unchanged."""

    until: datetime | None
    steady_since: float
    looks: int = 0


class Leases:
    """The expired leases that this process has seen."""

    def __init__(self) -> None:
        self._seen: dict[str, Sight] = {}
        self._last = 0.0

    def over(self, seeming: Mapping[str, datetime | None], waited: float) -> set[str]:
        """Return the ids of those runs whose holder is gone.

        `seeming`: every run whose lease has expired, with the time of expiry; `waited`: seconds that this process's own
        write has taken. To be called at every sweep: a run left out of one is seen anew.
        """
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
