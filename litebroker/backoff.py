"""The pause between two looks for messages: short while some come, longer when it is quiet."""

from litebroker.options import Options


class Backoff:
    def __init__(self, options: Options) -> None:
        self._least, self._most = options.min_poll, options.max_poll
        self._next = self._least

    def quicken(self) -> None:
        self._next = self._least

    def pause(self) -> float:
        """Return the seconds to sleep now, and make the next pause half as long again, up to `max_poll`."""
        pause = self._next
        self._next = min(self._next * 1.5, self._most)
        return pause
