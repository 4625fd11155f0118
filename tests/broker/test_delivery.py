"""What a consumer may rely on, whichever broker it is."""

import time

import pytest
from kombu import Connection

from tests.broker.conftest import Broker
from tests.broker.talk import consume, declare, eventually, get, holder, kill, ready, send


def test_messages_arrive_in_the_order_they_were_sent(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, 1, 2, 3)
    assert [message.decode() for message in consume(connection, queue, 3)] == [1, 2, 3]


def test_an_acked_message_is_gone(connection: Connection, broker: Broker, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, "once")
    get(queue).ack()
    connection.release()
    with Connection(broker.url) as another:
        assert queue(another).get() is None


def test_a_message_in_hand_is_not_counted_as_ready(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, 1, 2, 3)
    eventually(3, lambda: ready(queue))
    get(queue)
    eventually(2, lambda: ready(queue))


def test_a_requeued_message_comes_back_marked_as_redelivered(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, "again")
    first = get(queue)
    assert not first.delivery_info["redelivered"]
    first.requeue()
    second = get(queue)
    assert second.decode() == "again"
    assert second.delivery_info["redelivered"]


def test_a_rejected_message_does_not_come_back(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, "no", "next")
    get(queue).reject()
    assert get(queue).decode() == "next"
    assert queue.get() is None


def test_a_closed_channel_gives_back_what_it_held(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, "held")
    with connection.channel() as channel:
        get(queue(channel))
    assert get(queue).decode() == "held"


def test_a_killed_consumers_message_comes_back_within_a_second(
    connection: Connection, broker: Broker, name: str
) -> None:
    queue = declare(connection, name)
    send(connection, name, "held")
    with holder(broker.url, name) as process:
        assert queue.get() is None
        kill(process)
        killed = time.monotonic()
        (message,) = consume(connection, queue, 1)
        assert time.monotonic() - killed < 1.0
    assert message.decode() == "held"
    assert message.delivery_info["redelivered"]


def test_a_consumer_gets_no_more_than_its_prefetch(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, *range(5))
    found = consume(connection, queue, 2, prefetch=2)
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.3)
    assert [message.decode() for message in found] == [0, 1]
    found[0].ack()
    connection.drain_events(timeout=2)
    assert [message.decode() for message in found] == [0, 1, 2]


def test_the_higher_priority_goes_first(connection: Connection, name: str) -> None:
    queue = declare(connection, name, queue_arguments={"x-max-priority": 9})
    for priority in (0, 9, 5):
        send(connection, name, priority, priority=priority)
    eventually(3, lambda: ready(queue))
    assert [get(queue).decode() for _ in range(3)] == [9, 5, 0]


def test_a_purged_queue_is_empty_and_says_how_many_went(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, 1, 2)
    eventually(2, lambda: ready(queue))
    assert queue.purge() == 2
    assert ready(queue) == 0


def test_a_deleted_queue_is_not_found(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    queue.delete()
    with pytest.raises(connection.channel_errors) as refusal:
        queue.queue_declare(passive=True)
    assert refusal.value.code == 404


def test_bytes_and_headers_arrive_as_they_were_sent(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, b"\x00\xff", headers={"run": "7"}, content_type="application/data", serializer=None,
         content_encoding="binary")  # fmt: skip
    message = get(queue)
    assert message.body == b"\x00\xff"
    assert message.headers["run"] == "7"


def test_a_message_past_its_time_is_not_delivered(connection: Connection, name: str) -> None:
    queue = declare(connection, name)
    send(connection, name, "old", expiration=0.05)
    time.sleep(0.2)
    assert queue.get() is None
