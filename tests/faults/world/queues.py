"""Count and delete the messages in the queues of a stack, and publish messages by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kombu import Connection, Producer

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from tests.stack import Stack


def waiting(stack: Stack, noun: str) -> int:
    """Return how many messages are ready in the queue of a noun, not delivered to a worker."""
    with Connection(stack.settings.broker_url) as line:
        queue = f"{stack.settings.queue_prefix}{noun}"
        return int(line.default_channel.queue_declare(queue, passive=True).message_count)


def wipe(stack: Stack, noun: str) -> int:
    """Delete the ready messages in the queue of a noun, and return how many there were."""
    with Connection(stack.settings.broker_url) as line:
        return int(line.default_channel.queue_purge(f"{stack.settings.queue_prefix}{noun}"))


def put(stack: Stack, noun: str, body: Any, headers: Mapping[str, Any] | None = None, **properties: Any) -> None:
    """Publish a message as it is into the queue of a noun."""
    with Connection(stack.settings.broker_url) as line:
        queue = f"{stack.settings.queue_prefix}{noun}"
        Producer(line).publish(body, exchange="", routing_key=queue, headers=dict(headers or {}), **properties)
