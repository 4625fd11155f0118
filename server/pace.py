"""Whether a transfer is fast enough. Checked twice a second, so that no request needs a timer of its own."""

from __future__ import annotations


class Pace:
    """A lower limit of speed: `window` seconds for every `window * rate` bytes.

    `now` is by the event loop's clock, `done` the bytes since the start of the connection.
    """

    def __init__(self, window: float, rate: int, now: float) -> None:
        self._window, self._step = window, window * rate
        self.start(now, 0)

    def start(self, now: float, done: int) -> None:
        """Begin a window."""
        self._since, self._done = now, done

    def too_slow(self, now: float, done: int) -> bool:
        """Return True once a whole window has brought less than its bytes; begin a new window once it has its bytes."""
        if done - self._done >= self._step:
            self.start(now, done)
        return now - self._since > self._window
