"""How long to sleep between two looks: short while something happens, longer when it is quiet."""

from litebroker.options import Options


class Backoff:
    def __init__(self, options: Options) -> None:
        self._least, self._most = options.min_poll, options.max_poll
        self._next = self._least

    def quicken(self) -> None:
        self._next = self._least

    def pause(self) -> float:
        """Seconds to sleep now; each quiet look makes the next pause half as long again."""
        pause = self._next
        self._next = min(self._next * 1.5, self._most)
        return pause
