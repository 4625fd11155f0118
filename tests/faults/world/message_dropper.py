"""A courier that loses half of the messages of one task. All others pass, the probes of the sweep too."""

from __future__ import annotations

from collections import Counter

from kombu.message import Message

from tests.faults.world.message_proxy import Courier
from tests.stack import Stack


class Thief(Courier):
    """A losing courier: `with Thief(stack, "stock.reserve") as thief`. `stolen`: lost messages by run."""

    def __init__(self, stack: Stack, task: str) -> None:
        super().__init__(stack, copies=(0, 1))
        self._task = task
        self.stolen: Counter[str] = Counter()

    def times(self, message: Message) -> int:
        if message.headers["task"] != self._task:
            return 1
        times = super().times(message)
        if not times:
            (ids,), _, _ = message.payload
            self.stolen.update(ids)
        return times
