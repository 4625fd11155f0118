"""Read the dead letters of a stack without removing them."""

from __future__ import annotations

from kombu import Connection
from kombu.message import Message

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from tests.stack import Stack


def parked(stack: Stack) -> list[str]:
    """Return headers and body of each dead letter as text. They return to the queue when the connection is closed."""
    with Connection(stack.settings.broker_url) as line:
        channel = line.default_channel
        name = f"{stack.settings.queue_prefix}dead"
        return [_text(message) for message in iter(lambda: channel.basic_get(name), None)]


def _text(message: Message) -> str:
    body = message.body if isinstance(message.body, str) else bytes(message.body).decode(errors="replace")
    return f"{message.headers} {body}"
