"""Make workers read other queues than those that messages are sent to (EXTRA_TASK_MODULES).

A courier passes the messages on. It could not replace the real queue at the exchange: each publisher declares the
binding to the real queue again, and messages would go both ways.
"""

from __future__ import annotations

from typing import Any

from celery.signals import celeryd_after_setup
from kombu import Queue

MODULE = __name__


def end_of(queue: str) -> str:
    """Return the name of the queue into which a courier passes the messages of this one."""
    return f"{queue}.in"


@celeryd_after_setup.connect
def _listen_elsewhere(instance: Any, **_: Any) -> None:
    queues = instance.app.amqp.queues
    with instance.app.connection_for_write() as line:
        for name, queue in dict(queues.consume_from).items():
            queue(line.default_channel).declare()  # the courier reads it before the first message comes
            queues.deselect(name)
            queues.select_add(_end_of(queue))


def _end_of(queue: Queue) -> Queue:
    name = end_of(queue.name)
    return Queue(name, queue.exchange, routing_key=name, durable=True, queue_arguments=queue.queue_arguments)
