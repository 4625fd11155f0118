"""The database's clock as this process sees it: its time now, and whether it was set."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

TOLERANCE = 1.0  # seconds by which it may differ from this machine's clock between two looks
ALERT = 30.0  # seconds after it was set in which transactions that began before may still commit


class Watch:
    """Compares the time that passed on the database's clock with the time that passed here, at every `look`."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._before = self._after = 0.0
        self._alert_until = 0.0

    def look(self, at: datetime, before: float, after: float) -> bool:
        """Note that the clock said `at` at some moment between these two of `time.monotonic()`.

        Returns whether stored times must be searched for ones in the future: at the first look, since what was before
        is unknown, and for ALERT seconds after the clock was set.
        """
        if self._at is None or abs(self._jump(at, before, after)) > TOLERANCE:
            self._alert_until = after + ALERT
        self._at, self._before, self._after = at, before, after
        return after < self._alert_until

    def now(self) -> datetime | None:
        """Return the database's time, reckoned from the last look; None before the first."""
        return self._at + timedelta(seconds=time.monotonic() - self._after) if self._at else None

    def _jump(self, at: datetime, before: float, after: float) -> float:
        """Return by how many seconds, at least, the clock was set forward (negative: back)."""
        assert self._at is not None
        passed = (at - self._at).total_seconds()
        least, most = before - self._after, after - self._before
        return passed - max(least, min(most, passed))
