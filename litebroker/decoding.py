"""Decoding: from a row of `message` to a kombu message."""

from __future__ import annotations

import logging

from kombu.transport import virtual

from litebroker import messages
from litebroker.acknowledgement import Verdict
from litebroker.base import Base
from litebroker.messages import Delivery

logger = logging.getLogger(__name__)


class Reading(Base):
    def _message(self, delivery: Delivery, no_ack: bool) -> virtual.Message | None:
        """Return the message; None for a row that is none: it goes to the dead letters and kills no consumer."""
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
