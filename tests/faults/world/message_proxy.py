"""A courier between broker and workers: it passes on every message, and loses, doubles and reorders them as set."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from kombu import Connection, Producer, Queue
from kombu.message import Message

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from celery_app import TASK_MODULES, noun_of
from tests.faults.world.misrouted_queues import end_of
from tests.stack import Stack

HELD = 0.2  # seconds, whose messages are delivered in random order


class Courier:
    """Delivers messages during a block: `with Courier(stack, copies=(0, 1, 2)) as courier: ...`.

    copies: how often a message is delivered, drawn for each. The workers of the stack must have the module `detour`;
    without a courier they get no message, so that the judge must come before the end of the block.
    """

    def __init__(self, stack: Stack, copies: Sequence[int], seed: int = 1) -> None:
        prefix = stack.settings.queue_prefix
        self._url, self._copies, self._random = stack.settings.broker_url, copies, random.Random(seed)
        names = [prefix + noun_of(module) for module in TASK_MODULES]
        self._bags = [Queue(name, no_declare=True) for name in names]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)
        self._held: list[Message] = []
        self.taken = self.strayed = 0

    def __enter__(self) -> Courier:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def mend_his_ways(self) -> None:
        """From now on deliver every message once."""
        self._copies = (1,)

    def times(self, message: Message) -> int:
        """Draw how often this message is delivered."""
        return self._random.choice(self._copies)

    def _work(self) -> None:
        """Deliver until the block ends, and then until the queues are empty."""
        bags = {"on_message": self._held.append, "accept": ["json"]}
        with Connection(self._url) as line, line.Consumer(self._bags, **bags):
            while self._collect(line) or not self._over.is_set():
                self._deliver(Producer(line))

    def _collect(self, line: Connection) -> bool:
        until = time.monotonic() + HELD
        while (left := until - time.monotonic()) > 0:
            try:
                line.drain_events(timeout=left)
            except TimeoutError:
                continue  # nothing came
        return bool(self._held)

    def _deliver(self, producer: Producer) -> None:
        taken, self._held[:] = list(self._held), []
        times = [self.times(message) for message in taken]
        copies = [message for message, number in zip(taken, times, strict=True) for _ in range(number)]
        self._random.shuffle(copies)
        _send(producer, copies)
        for message in taken:
            message.ack()
        self.taken += len(taken)
        self.strayed += sum(number != 1 for number in times)


def _send(producer: Producer, messages: Iterable[Message]) -> None:
    """Publish the messages to the queues that the workers of the detour read."""
    for message in messages:
        producer.publish(
            message.body,
            exchange="",
            routing_key=end_of(message.delivery_info["routing_key"]),
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=message.headers,
            **_kept(message.properties),
        )


def _kept(properties: dict[str, Any]) -> dict[str, Any]:
    wanted = ("correlation_id", "reply_to", "priority", "delivery_mode")
    return {name: properties[name] for name in wanted if name in properties}
