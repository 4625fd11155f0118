"""Does something come on? Looked at twice a second, so that no request needs a timer of its own."""

from __future__ import annotations


class Pace:
    """Some seconds for each so many bytes; `last_bytes` none, whoever needs no more is done before it is asked."""

    def __init__(self, window: float, rate: int, now: float) -> None:
        self._window, self._step = window, window * rate
        self.start(now, 0)

    def start(self, now: float, done: int) -> None:
        self._since, self._done = now, done

    def too_slow(self, now: float, done: int) -> bool:
        """True once a whole window has brought less than its share."""
        if done - self._done >= self._step:
            self.start(now, done)
        return now - self._since > self._window
