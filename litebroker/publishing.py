"""The part of a channel that publishes."""

from __future__ import annotations

import base64
from typing import Any

from litebroker import disk_space, messages, routing
from litebroker.base import Base
from litebroker.messages import Payload


class Publishing(Base):
    def basic_publish(self, message: Payload, exchange: str, routing_key: str, **kwargs: Any) -> None:
        """Put the message into every queue it is routed to, in one transaction; a persistent one is on disk at return.

        Raises DiskFull below the disk reserve, and NotFound (404) for an unknown exchange.
        """
        self._inplace_augment_message(message, exchange, routing_key)
        properties = message["properties"]
        priority = self._get_message_priority(message)
        ttl = None if properties.get("expiration") is None else int(properties["expiration"]) / 1000
        payload = messages.encode(message)
        disk_space.ensure(self.broker.database)
        with self.broker.database.write(durable=properties.get("delivery_mode") != 1) as db:
            for queue in routing.targets(db, exchange or "", routing_key):
                messages.put(db, queue, payload, priority, ttl)
        self.broker.database.news()

    def _inplace_augment_message(self, message: Payload, exchange: str, routing_key: str) -> None:
        """Add routing and body encoding to the properties: a text body travels as it is, bytes as base64."""
        body, encoding = message["body"], "utf-8"
        if isinstance(body, bytes):
            message["body"], encoding = base64.b64encode(body).decode(), "base64"
        info = {**(message["properties"].get("delivery_info") or {}), "exchange": exchange, "routing_key": routing_key}
        message["properties"].update(body_encoding=encoding, delivery_info=info)
