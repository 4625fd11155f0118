"""AMQP's channel as kombu speaks it, over the broker file."""

from __future__ import annotations

import base64
import logging
import os
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amqp.protocol import queue_declare_ok_t  # type: ignore[import-untyped]
from kombu.transport import virtual
from kombu.transport.base import to_rabbitmq_queue_arguments

from litebroker import consumers, messages, queues, routing
from litebroker.errors import not_found
from litebroker.messages import Delivery, Payload
from litebroker.qos import QoS as Hand
from litebroker.verdicts import Verdict

if TYPE_CHECKING:
    from litebroker.transport import Transport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consumer:
    tag: str
    queue: str
    no_ack: bool
    callback: Callable[[virtual.Message], Any]


class Channel(virtual.Channel):
    QoS = Hand  # type: ignore[assignment]  # kombu types its own class here
    supports_fanout = True
    do_restore = False  # the ledger gives back what is in hand; kombu must not publish it anew

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.broker = connection.broker
        self._hand = Hand(self)
        self.consumers: dict[str, Consumer] = {}
        self.ready: deque[tuple[Consumer, Delivery]] = deque()  # taken, and not yet delivered
        self.stale = True  # there may be messages to take
        self._asked = 0
        self._pid = os.getpid()

    # -- exchanges, queues and bindings

    def exchange_declare(
        self,
        exchange: str | None = None,
        type: str | None = "direct",
        durable: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        nowait: bool = False,
        passive: bool = False,
    ) -> None:
        kind = type or "direct"
        name = exchange or f"amq.{kind}"
        known = self.broker.database.read("SELECT type FROM exchange WHERE name = ?", (name,))
        if passive and not known:
            raise not_found("exchange", name, "Channel.exchange_declare")
        if not passive and known != [(kind,)]:
            with self.broker.database.write(durable=True) as db:
                routing.declare(db, name, kind)

    def exchange_delete(self, exchange: str, if_unused: bool = False, nowait: bool = False) -> None:
        with self.broker.database.write(durable=True) as db:
            routing.drop(db, exchange)

    def queue_declare(self, queue: str | None = None, passive: bool = False, **kwargs: Any) -> queue_declare_ok_t:
        """Gives the number of ready messages and of consumers."""
        name = queue or f"amq.gen-{uuid.uuid4()}"
        if passive and not self._has_queue(name):
            raise not_found("queue", name, "Channel.queue_declare")
        if not passive:
            self._declare(name, **kwargs)
        counted = queues.consumers, queues.size
        with self.broker.database.lock:
            consuming, ready = (self.broker.database.ask(count, name) for count in counted)
        return queue_declare_ok_t(name, ready, consuming)

    def _declare(
        self,
        name: str,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        owner = self.broker.database.owner() if exclusive else None
        kind = queues.Kind(durable, auto_delete, owner)
        with self.broker.database.write(durable) as db:
            queues.declare(db, name, kind, arguments or {}, self.broker.options)
        if exclusive:
            self.connection.exclusive.add(name)

    def prepare_queue_arguments(self, arguments: dict[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        """`Queue(expires=..., message_ttl=..., max_length=...)` in RabbitMQ's words."""
        prepared: dict[str, Any] = to_rabbitmq_queue_arguments(arguments or {}, **kwargs)
        return prepared

    def queue_bind(
        self,
        queue: str,
        exchange: str | None = None,
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        with self.broker.database.write(durable=True) as db:
            routing.bind(db, queue, exchange or "amq.direct", routing_key or "")

    def queue_unbind(
        self,
        queue: str,
        exchange: str | None = None,
        routing_key: str = "",
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        with self.broker.database.write(durable=True) as db:
            routing.unbind(db, queue, exchange or "amq.direct", routing_key or "")

    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False, **kwargs: Any) -> None:
        with self.broker.database.write(durable=True) as db:
            busy = (if_unused and queues.consumers(db, queue)) or (if_empty and queues.size(db, queue))
            if not busy:
                queues.delete(db, queue)

    def get_table(self, exchange: str) -> list[tuple[str, None, str]]:
        rows = self.broker.database.read("SELECT routing_key, queue FROM binding WHERE exchange = ?", (exchange,))
        return [(key, None, queue) for key, queue in rows]

    def list_bindings(self) -> Iterable[tuple[str, str, str]]:
        return iter(self.broker.database.read("SELECT queue, exchange, routing_key FROM binding"))

    def after_reply_message_received(self, queue: str) -> None:
        """Nothing: a reply queue goes with its last consumer, or expires."""

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:
        return self.broker.database.ask(queues.exists, queue)

    def _size(self, queue: str) -> int:
        return self.broker.database.ask(queues.size, queue)

    def _purge(self, queue: str) -> int:
        with self.broker.database.write(durable=True) as db:
            return queues.purge(db, queue)

    # -- publishing

    def basic_publish(self, message: Payload, exchange: str, routing_key: str, **kwargs: Any) -> None:
        """Into every queue it is routed to in one transaction, on disk before this returns if persistent."""
        self._inplace_augment_message(message, exchange, routing_key)
        properties = message["properties"]
        priority = self._get_message_priority(message)
        ttl = None if properties.get("expiration") is None else int(properties["expiration"]) / 1000
        payload = messages.encode(message)
        with self.broker.database.write(durable=properties.get("delivery_mode") != 1) as db:
            for queue in routing.targets(db, exchange or "", routing_key):
                messages.put(db, queue, payload, priority, ttl)
        self.broker.database.news()

    def _inplace_augment_message(self, message: Payload, exchange: str, routing_key: str) -> None:
        """A text body travels as it is; bytes travel as base64."""
        body, encoding = message["body"], "utf-8"
        if isinstance(body, bytes):
            message["body"], encoding = base64.b64encode(body).decode(), "base64"
        info = {**(message["properties"].get("delivery_info") or {}), "exchange": exchange, "routing_key": routing_key}
        message["properties"].update(body_encoding=encoding, delivery_info=info)

    # -- consuming

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
        """What was taken for this consumer and not yet delivered goes back."""
        consumer = self.consumers.pop(consumer_tag, None)
        if consumer is None or self._pid != os.getpid():
            return
        taken = [delivery for each, delivery in self.ready if each is consumer]
        self.ready = deque(pair for pair in self.ready if pair[0] is not consumer)
        self.qos.put_back(taken)
        name, owner = self._name(consumer_tag), self.broker.database.owner()
        self.broker.ledger.add(lambda db: consumers.remove(db, name, owner))
        self.broker.ledger.flush()

    def _name(self, consumer_tag: str) -> str:
        """kombu numbers its tags from 1 in every channel."""
        return f"{id(self)}.{self.channel_id}.{consumer_tag}"

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> virtual.Message | None:
        self.connection.reaper.run()
        with self.broker.database.write() as db:
            taken = self._take(db, queue, no_ack, 1)
        for delivery in taken:
            if not no_ack:
                self.qos.hold(delivery)
            return self._message(delivery, no_ack)
        return None

    @property
    def qos(self) -> Hand:
        return self._hand

    def room(self) -> int:
        """How many messages may be taken now."""
        if not self.stale or not self.consumers:
            return 0
        return self.qos.room(self.broker.options.batch)

    def fetch(self, db: sqlite3.Connection) -> list[tuple[Consumer, Delivery]]:
        """Take what there is room for, from each consumer's queue in its turn."""
        fetched: list[tuple[Consumer, Delivery]] = []
        room = self._asked = self.room()
        for consumer in list(self.consumers.values()):
            taken = self._take(db, consumer.queue, consumer.no_ack, room - len(fetched)) if room > len(fetched) else []
            fetched.extend((consumer, delivery) for delivery in taken)
        return fetched

    def accept(self, fetched: list[tuple[Consumer, Delivery]]) -> None:
        """The take is committed: these are ours."""
        self.stale = len(fetched) >= self._asked  # else every queue is empty
        for consumer, delivery in fetched:
            if not consumer.no_ack:
                self.qos.hold(delivery)
        self.ready.extend(fetched)
        self._rotate()

    def _rotate(self) -> None:
        """The queue that was first is last the next time."""
        for tag in list(self.consumers)[:1]:
            self.consumers[tag] = self.consumers.pop(tag)

    def _take(self, db: sqlite3.Connection, queue: str, no_ack: bool, limit: int) -> list[Delivery]:
        if no_ack:
            return messages.take_for_good(db, queue, limit)
        return messages.take(db, queue, limit, self.broker.database.owner())

    def deliver(self) -> bool:
        """One message to its consumer. False when there is none, or it could not be read."""
        if not self.ready:
            return False
        consumer, delivery = self.ready.popleft()
        message = self._message(delivery, consumer.no_ack)
        if message is None:
            return False
        consumer.callback(message)
        return True

    def _message(self, delivery: Delivery, no_ack: bool) -> virtual.Message | None:
        """None for a row that is not a message: it is buried, and must not kill who took it."""
        try:
            return self._read(delivery)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.error("message %s in queue %r cannot be read: %r", delivery.id, delivery.queue, error)
            if not no_ack:
                self.qos.settle(delivery.tag, Verdict.BROKEN)
            return None

    def _read(self, delivery: Delivery) -> virtual.Message:
        payload = messages.decode(delivery.payload)
        payload["properties"]["delivery_tag"] = delivery.tag
        payload["properties"]["delivery_info"]["redelivered"] = delivery.count > 1
        headers = payload["headers"] = dict(payload.get("headers") or {})
        headers.pop("x-delivery-count", None)
        if delivery.count > 1:
            headers["x-delivery-count"] = delivery.count - 1
        return self.Message(payload, channel=self)

    # -- settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        self.qos.ack(delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self.qos.reject(delivery_tag, requeue)

    def basic_recover(self, requeue: bool = False) -> None:
        self.qos.restore_unacked()
        self.broker.ledger.flush()

    def close(self) -> None:
        """Consumers are cancelled and what is in hand goes back, unless a fork left us this channel."""
        if self.closed:
            return
        self.closed = True
        try:
            if self._pid == os.getpid():
                self._let_go()
        finally:
            if self.connection is not None:
                self.connection.close_channel(self)

    def _let_go(self) -> None:
        for tag in list(self.consumers):
            self.basic_cancel(tag)
        self.qos.restore_unacked()
        self.broker.ledger.flush()
