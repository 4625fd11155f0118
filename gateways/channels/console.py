"""A placeholder for a provider of text messages or push notifications: it only logs that it was called.

A provider takes its place in `channels/__init__.py`; docs/notifications.md says how.
"""

from __future__ import annotations

import structlog

from config import settings
from engine.outcomes import Refused
from gateways.channels.contract import Message

log = structlog.get_logger(__name__)


class ConsoleChannel:
    def __init__(self, name: str) -> None:
        self._name = name

    def send(self, message: Message) -> str:
        """Log the notification's id and length, but no recipient and no text: other people keep the logs.

        Raises Refused in production.
        """
        if settings().environment == "production":
            raise Refused("channel_missing", f"Nobody carries messages by {self._name} here.")
        log.info("a message for somebody", channel=self._name, notification=message.id, characters=len(message.text))
        return "It was told to the console."
