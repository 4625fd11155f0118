"""The unacknowledged messages of a channel, and how many more it may take."""

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
    """The deliveries that a channel holds. The consuming thread adds them, any thread may settle them."""

    def __init__(self, channel: Base, prefetch_count: int = 0) -> None:
        self.channel = channel
        self.prefetch_count = prefetch_count
        self._broker = channel.broker
        self._held: dict[str, Delivery] = {}
        self._lock = threading.Lock()

    def room(self, unlimited: int) -> int:
        """Return how many more messages may be held; `unlimited` where there is no prefetch limit."""
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
        """Decide on a delivery. A tag that is no longer held (settled, or given back at a close) is ignored."""
        with self._lock:
            delivery = self._held.pop(delivery_tag, None)
        if delivery is not None:
            self._decide(verdict, delivery)
            self._tell()

    def _tell(self) -> None:
        """Have the ledger written: by the thread in `drain_events` if there is one, else here."""
        transport = self.channel.connection
        if transport is None or not transport.pump.will_settle():
            self._broker.ledger.flush()

    def put_back(self, deliveries: list[Delivery]) -> None:
        """Give back messages that were taken ahead and never delivered, without counting the delivery."""
        with self._lock:
            untouched = [delivery for delivery in deliveries if self._held.pop(delivery.tag, None)]
        for delivery in untouched:
            self._decide(Verdict.UNTOUCHED, delivery)

    def restore_unacked(self) -> None:
        """Requeue all held deliveries."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for delivery in held:
            self._decide(Verdict.REQUEUED, delivery)

    def _decide(self, verdict: Verdict, delivery: Delivery) -> None:
        write = partial(acknowledgement.apply, verdict=verdict, delivery=delivery)
        self._broker.ledger.add(write, is_news=verdict is not Verdict.DONE)
