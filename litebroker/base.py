"""The base class of a channel's parts: its connection's broker file and its unacknowledged messages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kombu.transport import virtual

from litebroker.qos import QoS as Hand

if TYPE_CHECKING:
    from litebroker.transport import Transport


class Base(virtual.Channel):
    QoS = Hand  # type: ignore[assignment]  # kombu types its own class here
    supports_fanout = True
    do_restore = False  # the ledger gives unacknowledged messages back; kombu must not publish them anew

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.broker = connection.broker
        self._hand = Hand(self)
        self._pid = os.getpid()

    @property
    def qos(self) -> Hand:
        return self._hand

    @property
    def inherited(self) -> bool:
        """Return whether this channel was copied by a fork: its messages belong to the parent process."""
        return self._pid != os.getpid()
