"""Workers who take their messages from other queues than those they are sent to (EXTRA_TASK_MODULES).

Between the two stands a courier. He could not stand at the exchange: whoever publishes declares the way to the real
queue anew, and messages would go both ways.
"""

from __future__ import annotations

from typing import Any

from celery.signals import celeryd_after_setup
from kombu import Queue

MODULE = __name__


def end_of(queue: str) -> str:
    """The queue in which what was sent into this one arrives, if a courier brings it."""
    return f"{queue}.in"


@celeryd_after_setup.connect
def _listen_elsewhere(instance: Any, **_: Any) -> None:
    queues = instance.app.amqp.queues
    with instance.app.connection_for_write() as line:
        for name, queue in dict(queues.consume_from).items():
            queue(line.default_channel).declare()  # the courier comes before the first message
            queues.deselect(name)
            queues.select_add(_end_of(queue))


def _end_of(queue: Queue) -> Queue:
    name = end_of(queue.name)
    return Queue(name, queue.exchange, routing_key=name, durable=True, queue_arguments=queue.queue_arguments)
