"""Short words for what the tests do with a broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection, Consumer, Exchange, Message, Producer, Queue

DIRECT = Exchange("")


def declare(connection: Connection, name: str, **options: Any) -> Queue:
    queue = Queue(name, **options)(connection.default_channel)
    queue.declare()
    return queue


def send(connection: Connection, name: str, *bodies: Any, **options: Any) -> None:
    producer = Producer(connection.default_channel)
    for body in bodies:
        producer.publish(body, routing_key=name, **options)


def get(queue: Queue, within: float = 2.0) -> Message:
    """The next message of the queue, waited for."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        message = queue.get()
        if message is not None:
            return message
        time.sleep(0.01)
    raise AssertionError(f"no message in {queue.name} within {within} s")


def ready(queue: Queue) -> int:
    return queue.queue_declare(passive=True).message_count


def eventually(wanted: Any, ask: Any, within: float = 3.0) -> None:
    deadline = time.monotonic() + within
    while (found := ask()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == wanted


def consume(connection: Connection, queue: Queue, count: int, prefetch: int = 0, timeout: float = 3.0) -> list[Message]:
    """Wait for `count` messages, none of them settled."""
    found: list[Message] = []
    channel = connection.channel()
    consumer = Consumer(channel, [queue], on_message=found.append, auto_declare=False)
    if prefetch:
        consumer.qos(prefetch_count=prefetch)
    consumer.consume()
    while len(found) < count:
        connection.drain_events(timeout=timeout)
    return found


HOLDER = """
import sys, litebroker
from kombu import Connection, Consumer, Queue
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held = []
with Connection(url) as connection:
    consumer = Consumer(connection, [Queue(name)], on_message=held.append, auto_declare=False)
    consumer.qos(prefetch_count=count)
    consumer.consume()
    while len(held) < count:
        connection.drain_events()
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(url: str, name: str, count: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Another process with `count` messages in its hand, that never settles them."""
    command = [sys.executable, "-c", HOLDER, url, name, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
