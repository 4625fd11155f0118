"""The soak itself: it begins and mends the faults that were drawn, and restarts processes that die."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext

from tests.faults.judge import Judge
from tests.faults.soak.fault import Drawn
from tests.stack import Stack

HANDS = 16


class Soak:
    """Runs faults: `with Soak(stack, judge, say) as soak: soak.hold(drawn, seconds)`.

    Processes that it restarts live until the end of the block.
    """

    def __init__(self, stack: Stack, judge: Judge, say: Callable[[str], None]) -> None:
        self._stack, self._judge, self._say = stack, judge, say
        self._begun = time.monotonic()
        self._lasting: dict[str, Future[None]] = {}
        # One pool to the end: the kernel sends a process SIGTERM when the thread that started it has ended.
        self._hands = ThreadPoolExecutor(HANDS)
        self.faults, self.died = 0, 0
        self.wrong: list[str] = []

    def __enter__(self) -> Soak:
        return self

    def __exit__(self, *_: object) -> None:
        self._hands.shutdown()

    def hold(self, drawn: Sequence[Drawn], seconds: float) -> None:
        """Run the faults at their times, and return when all are mended."""
        for one in drawn:
            self._tend_until(one.at)
            self._start(one)
        self._tend_until(seconds)
        wait(self._lasting.values())
        self._tend()

    @property
    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _start(self, one: Drawn) -> None:
        """Begin a fault, unless another one of the same target lasts."""
        if self._is_free(one.fault.target):
            self._say(str(one))
            self.faults += 1
            self._lasting[one.fault.target] = self._hands.submit(self._live, one)

    def _live(self, one: Drawn) -> None:
        with self._judge.smtp_window() if one.fault.parts_mails else nullcontext():
            try:
                one.fault.begin()
                time.sleep(one.lasts)
                one.fault.mend()
            except Exception as trouble:
                self.wrong.append(f"{one}: {trouble!r}")  # and goes into the tally; the others go on

    def _is_free(self, target: str) -> bool:
        return target not in self._lasting or self._lasting[target].done()

    def _tend_until(self, moment: float) -> None:
        while self._now < moment:
            self._tend()
            time.sleep(min(0.2, max(0.0, moment - self._now)))

    def _tend(self) -> None:
        """Restart processes that ended by themselves, without the database say, as a supervisor does."""
        for name, handle in self._stack.handles.items():
            if not handle.alive and self._is_free(name):
                self.died += 1
                self._say(f"{self._now:7.1f} s  {name} has ended by itself and is started again:\n{handle.tail(3)}")
                handle.launch()
