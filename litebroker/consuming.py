"""The part of a channel that consumes: it takes messages and delivers them to its consumers."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kombu.transport import virtual

from litebroker import consumers, messages, queues
from litebroker.decoding import Reading
from litebroker.errors import not_found
from litebroker.messages import Delivery

if TYPE_CHECKING:
    from litebroker.transport import Transport


@dataclass(frozen=True)
class Consumer:
    tag: str
    queue: str
    no_ack: bool
    callback: Callable[[virtual.Message], Any]


class Consuming(Reading):
    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.consumers: dict[str, Consumer] = {}
        self.ready: deque[tuple[Consumer, Delivery]] = deque()  # taken, and not yet delivered
        self.stale = True  # there may be messages to take
        self._asked = 0

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[[virtual.Message], Any],
        consumer_tag: str,
        **kwargs: Any,
    ) -> None:
        with self.broker.database.write() as db:
            if not queues.exists(db, queue):
                raise not_found("queue", queue, "Channel.basic_consume")
            consumers.add(db, self._name(consumer_tag), self.broker.database.owner(), queue)
        self.consumers[consumer_tag] = Consumer(consumer_tag, queue, no_ack, callback)
        self.stale = True

    def basic_cancel(self, consumer_tag: str) -> None:
        """Delete the consumer and give back what was taken for it and not yet delivered."""
        consumer = self.consumers.pop(consumer_tag, None)
        if consumer is None or self.inherited:
            return
        taken = [delivery for each, delivery in self.ready if each is consumer]
        self.ready = deque(pair for pair in self.ready if pair[0] is not consumer)
        self.qos.put_back(taken)
        name, owner = self._name(consumer_tag), self.broker.database.owner()
        self.broker.ledger.add(lambda db: consumers.remove(db, name, owner))
        self.broker.ledger.flush()

    def _name(self, consumer_tag: str) -> str:
        """Return a name that is unique in the file: kombu numbers its tags from 1 in every channel."""
        return f"{id(self)}.{self.channel_id}.{consumer_tag}"

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> virtual.Message | None:
        """Take one message; None if there is none, or it could not be read."""
        self.connection.pump.reaper.run()
        with self.broker.database.write() as db:
            taken = self._take(db, queue, no_ack, 1)
        for delivery in taken:
            if not no_ack:
                self.qos.hold(delivery)
            return self._message(delivery, no_ack)
        return None

    def room(self) -> int:
        """Return how many messages may be taken now; 0 as well when no queue can have any."""
        if not self.stale or not self.consumers:
            return 0
        return self.qos.room(self.broker.options.batch)

    def fetch(self, db: sqlite3.Connection) -> list[tuple[Consumer, Delivery]]:
        """Take what there is room for, from each consumer's queue in its turn.

        Pass the result to `accept` once it is committed.
        """
        fetched: list[tuple[Consumer, Delivery]] = []
        room = self._asked = self.room()
        for consumer in list(self.consumers.values()):
            taken = self._take(db, consumer.queue, consumer.no_ack, room - len(fetched)) if room > len(fetched) else []
            fetched.extend((consumer, delivery) for delivery in taken)
        return fetched

    def accept(self, fetched: list[tuple[Consumer, Delivery]]) -> None:
        """Hold the taken messages for delivery: their take is committed."""
        self.stale = len(fetched) >= self._asked  # else every queue is empty
        for consumer, delivery in fetched:
            if not consumer.no_ack:
                self.qos.hold(delivery)
        self.ready.extend(fetched)
        self._rotate()

    def _rotate(self) -> None:
        """Make the first consumer the last for the next take."""
        for tag in list(self.consumers)[:1]:
            self.consumers[tag] = self.consumers.pop(tag)

    def _take(self, db: sqlite3.Connection, queue: str, no_ack: bool, limit: int) -> list[Delivery]:
        if no_ack:
            return messages.take_for_good(db, queue, limit)
        return messages.take(db, queue, limit, self.broker.database.owner())

    def deliver(self) -> bool:
        """Deliver one message to its consumer. False when there is none, or it could not be read."""
        if not self.ready:
            return False
        consumer, delivery = self.ready.popleft()
        message = self._message(delivery, consumer.no_ack)
        if message is None:
            return False
        consumer.callback(message)
        return True
