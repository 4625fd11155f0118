"""A courier who takes away what one task is sent, half of the time. All else passes, the sweep's probes too."""

from __future__ import annotations

from collections import Counter

from kombu.message import Message

from tests.faults.world.message_proxy import Courier
from tests.stack import Stack


class Thief(Courier):
    """`with Thief(stack, "stock.reserve") as thief`. `stolen`: how often each run was in a message that is gone."""

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
