"""Restart processes that are not ready in time, while the others run on."""

from __future__ import annotations

import time
from collections.abc import Iterable

from deploy.console import say, tell
from deploy.supervisor import GRACE, Kept

LATE = 90.0  # seconds after its start


class Lateness:
    """Stops processes that are not ready within LATE seconds of their start."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def look(self, not_ready: Iterable[Kept]) -> None:
        """Ask each late process to stop, and kill it after GRACE seconds; the supervisor starts it again.

        To be called a few times a second.
        """
        for kept in not_ready:
            late = time.monotonic() - kept.started - LATE
            if kept.again_at is not None or late < 0:
                continue
            if self._told.get(kept.process.name) != kept.started:
                self._told[kept.process.name] = kept.started
                self._tell(kept)
                kept.child.ask_to_stop()
            elif late > GRACE:
                kept.child.kill()

    @staticmethod
    def _tell(kept: Kept) -> None:
        tell(kept.process.name, f"not ready after {LATE:g} s, starts again; the end of {kept.child.log}:", "red")
        say("\n".join(kept.child.last_lines()))
