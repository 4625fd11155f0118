"""What waits in the queues of a stack, and messages put there by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kombu import Connection, Producer

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from tests.stack import Stack


def waiting(stack: Stack, noun: str) -> int:
    """Messages that are ready and in nobody's hands."""
    with Connection(stack.settings.broker_url) as line:
        queue = f"{stack.settings.queue_prefix}{noun}"
        return int(line.default_channel.queue_declare(queue, passive=True).message_count)


def wipe(stack: Stack, noun: str) -> int:
    """The broker forgets what is ready in the queue of a noun. Returns how many messages that were."""
    with Connection(stack.settings.broker_url) as line:
        return int(line.default_channel.queue_purge(f"{stack.settings.queue_prefix}{noun}"))


def put(stack: Stack, noun: str, body: Any, headers: Mapping[str, Any] | None = None, **properties: Any) -> None:
    """Straight into the queue of a noun, as it is."""
    with Connection(stack.settings.broker_url) as line:
        queue = f"{stack.settings.queue_prefix}{noun}"
        Producer(line).publish(body, exchange="", routing_key=queue, headers=dict(headers or {}), **properties)
