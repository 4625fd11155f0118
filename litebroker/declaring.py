"""The part of a channel that declares exchanges, queues and bindings."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from amqp.protocol import queue_declare_ok_t  # type: ignore[import-untyped]
from kombu.transport.base import to_rabbitmq_queue_arguments

from litebroker import queues, routing
from litebroker.base import Base
from litebroker.errors import not_found


class Declaring(Base):
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
        """Declare the queue. Returns its name and its numbers of ready messages and of consumers.

        passive: only look; raises ChannelError 404 if there is no such queue.
        """
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
        """Return the options of `Queue(expires=..., message_ttl=..., max_length=...)` as RabbitMQ's arguments."""
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
        """Do nothing: a reply queue is deleted with its last consumer, or expires."""

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:
        return self.broker.database.ask(queues.exists, queue)

    def _size(self, queue: str) -> int:
        return self.broker.database.ask(queues.size, queue)

    def _purge(self, queue: str) -> int:
        with self.broker.database.write(durable=True) as db:
            return queues.purge(db, queue)
