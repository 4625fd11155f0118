"""What is in a channel's hand, and how much more may be."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from litebroker import acknowledgement
from litebroker.acknowledgement import Verdict
from litebroker.messages import Delivery

if TYPE_CHECKING:
    from litebroker.base import Base


class QoS:
    """Held by the consuming thread, settled by any."""

    def __init__(self, channel: Base, prefetch_count: int = 0) -> None:
        self.channel = channel
        self.prefetch_count = prefetch_count
        self._broker = channel.broker
        self._held: dict[str, Delivery] = {}
        self._lock = threading.Lock()

    def room(self, unlimited: int) -> int:
        if not self.prefetch_count:
            return unlimited
        return max(self.prefetch_count - len(self._held), 0)

    def can_consume(self) -> bool:
        return self.room(1) > 0

    def hold(self, delivery: Delivery) -> None:
        with self._lock:
            self._held[delivery.tag] = delivery

    def ack(self, delivery_tag: str) -> None:
        self.settle(delivery_tag, Verdict.DONE)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self.settle(delivery_tag, Verdict.REQUEUED if requeue else Verdict.REJECTED)

    def settle(self, delivery_tag: str, verdict: Verdict) -> None:
        """A tag that is no longer held was settled, or given back when its channel closed."""
        with self._lock:
            delivery = self._held.pop(delivery_tag, None)
        if delivery is not None:
            self._decide(verdict, delivery)
            self._tell()

    def _tell(self) -> None:
        """A transport that is draining writes it down at once; else we do."""
        transport = self.channel.connection
        if transport is None or not transport.pump.will_settle():
            self._broker.ledger.flush()

    def put_back(self, deliveries: list[Delivery]) -> None:
        """Taken ahead, never delivered."""
        with self._lock:
            untouched = [delivery for delivery in deliveries if self._held.pop(delivery.tag, None)]
        for delivery in untouched:
            self._decide(Verdict.UNTOUCHED, delivery)

    def restore_unacked(self) -> None:
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for delivery in held:
            self._decide(Verdict.REQUEUED, delivery)

    def _decide(self, verdict: Verdict, delivery: Delivery) -> None:
        write = partial(acknowledgement.apply, verdict=verdict, delivery=delivery)
        self._broker.ledger.add(write, is_news=verdict is not Verdict.DONE)
