"""The database's clock as this process sees it: what it says now, and whether somebody has set it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

TOLERANCE = 1.0  # seconds by which it may go otherwise than ours between two looks
ALERT = 30.0  # seconds after it was set in which transactions may still come in that began before


class Watch:
    """Told of every look at the clock, it compares what has passed there with what has passed here."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._before = self._after = 0.0
        self._alert_until = 0.0

    def look(self, at: datetime, before: float, after: float) -> bool:
        """The clock said `at` at some moment between these two of `time.monotonic()`.

        Returns whether what was stored has to be looked through for times that have not come yet: at the first look,
        since nobody knows what was before, and for a while after the clock was set.
        """
        if self._at is None or abs(self._jump(at, before, after)) > TOLERANCE:
            self._alert_until = after + ALERT
        self._at, self._before, self._after = at, before, after
        return after < self._alert_until

    def now(self) -> datetime | None:
        """What it will say, as far as one can tell without asking."""
        return self._at + timedelta(seconds=time.monotonic() - self._after) if self._at else None

    def _jump(self, at: datetime, before: float, after: float) -> float:
        """How many seconds it went too far (or, negative, back), at least."""
        assert self._at is not None
        passed = (at - self._at).total_seconds()
        least, most = before - self._after, after - self._before
        return passed - max(least, min(most, passed))
