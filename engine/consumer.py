"""Celery's consumer, with a check of each message before it is unpacked, and without a step that is not needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NoReturn

from celery.worker import consumer
from kombu import compression
from kombu.message import Message

from engine.shapes import Misshapen, check

log = logging.getLogger(__name__)

DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
SHOWN = 200  # characters of a body in the log


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery has no types here
    """A consumer that rejects what cannot be unpacked at once, into the dead-letter queue. No worker dies of it."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]
        # It would declare 28 quorum queues for ETAs, which no message here carries.
        default_steps = tuple(step for step in consumer.Consumer.Blueprint.default_steps if step != DELAYED)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        _decompress_nothing()

    def create_task_handler(self, *args: Any, **named: Any) -> Callable[[Message], None]:
        handle = super().create_task_handler(*args, **named)

        def judged(message: Message) -> None:
            try:
                check(message)
            except Misshapen as fault:
                self._refuse(message, str(fault))
            else:
                handle(message)

        return judged

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Put the message among the dead letters; Celery would drop it."""
        self._refuse(message, f"unreadable: {type(exc).__name__}")

    def _refuse(self, message: Message, why: str) -> None:
        said = f"{message.headers!r:.{SHOWN}} {message.body!r:.{SHOWN}}"
        log.error("a message is put among the dead letters: %s: %s", why, said)
        message.reject_log_error(log, self.connection_errors)


def _decompress_nothing() -> None:
    """Make kombu refuse compressed bodies.

    It unpacks them before `check` sees them, and a megabyte can become a gigabyte.
    """
    for kind in compression.encoders():
        compression.register(_refused, _refused, kind)


def _refused(_: object) -> NoReturn:
    raise Misshapen("compressed")
