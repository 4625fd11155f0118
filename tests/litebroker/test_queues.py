"""Which queues stay, which go, and how long they may grow."""

import time
from pathlib import Path

import pytest
from kombu import Connection, Consumer, Exchange, Queue
from kombu.exceptions import ChannelError

from tests.broker.talk import consume, declare, get, holder, kill, ready, send
from tests.litebroker.look import queue_names, rows


def drain(connection: Connection, seconds: float) -> None:
    """Live for a while: the living clear up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.1)


def test_an_auto_delete_queue_goes_with_its_last_consumer(connection: Connection, tmp_path: Path) -> None:
    queue = declare(connection, "events", auto_delete=True)
    with Consumer(connection, [queue]), Consumer(connection.channel(), [queue]):
        assert queue.queue_declare(passive=True).consumer_count == 2
    assert queue_names(tmp_path) == []


def test_an_exclusive_queue_goes_with_its_connection(url: str, tmp_path: Path) -> None:
    with Connection(url) as connection:
        declare(connection, "mine", exclusive=True)
        declare(connection, "everyones", durable=True)
    assert queue_names(tmp_path) == ["everyones"]


def test_the_queues_of_a_killed_consumer_are_cleared_away(connection: Connection, url: str, tmp_path: Path) -> None:
    declare(connection, "events", auto_delete=True, durable=False)
    declare(connection, "work")
    send(connection, "events", 1)
    with holder(url, "events") as process:
        kill(process)
        drain(connection, 0.6)
    assert queue_names(tmp_path) == ["work"]
    assert rows(tmp_path, "SELECT count(*) FROM message") == [0]


def test_an_unused_queue_expires(connection: Connection, tmp_path: Path) -> None:
    declare(connection, "reply", expires=0.2)
    declare(connection, "work")
    drain(connection, 1.3)
    assert queue_names(tmp_path) == ["work"]


def test_a_queue_in_use_does_not_expire(connection: Connection, tmp_path: Path) -> None:
    queue = declare(connection, "reply", expires=0.2)
    with Consumer(connection, [queue]):
        drain(connection, 1.3)
        assert queue_names(tmp_path) == ["reply"]


def test_the_oldest_messages_leave_a_full_queue(connection: Connection) -> None:
    queue = declare(connection, "events", max_length=3)
    send(connection, "events", *range(5))
    assert [get(queue).decode() for _ in range(3)] == [2, 3, 4]


def test_an_event_queue_nobody_reads_is_capped_without_being_told(url: str) -> None:
    with Connection(url, transport_options={"transient_max_length": 100}) as connection:
        queue = declare(connection, "celeryev.1", auto_delete=True)
        send(connection, "celeryev.1", *range(350), delivery_mode=1)
        assert ready(queue) == 100


def test_a_queue_of_work_is_not_capped(url: str) -> None:
    with Connection(url, transport_options={"transient_max_length": 100}) as connection:
        queue = declare(connection, "work")
        send(connection, "work", *range(150), delivery_mode=1)
        assert ready(queue) == 150


def test_a_queues_ttl_holds_for_its_messages(connection: Connection, tmp_path: Path) -> None:
    declare(connection, "events", message_ttl=0.1)
    send(connection, "events", "old")
    drain(connection, 1.3)
    assert rows(tmp_path, "SELECT count(*) FROM message") == [0]


def test_a_declaration_without_arguments_changes_nothing(connection: Connection, tmp_path: Path) -> None:
    declare(connection, "work", queue_arguments={"x-delivery-limit": 3})
    declare(connection, "work")
    assert rows(tmp_path, "SELECT delivery_limit FROM queue") == [3]


def test_an_exchange_cannot_change_its_type(connection: Connection) -> None:
    Exchange("x", "topic")(connection.default_channel).declare()
    with pytest.raises(ChannelError) as refusal:
        Exchange("x", "direct")(connection.default_channel).declare()
    assert refusal.value.code == 406


def test_consuming_from_no_queue_is_refused(connection: Connection) -> None:
    with pytest.raises(ChannelError) as refusal:
        Consumer(connection, [Queue("nowhere")], auto_declare=False).consume()
    assert refusal.value.code == 404


def test_a_cancelled_consumer_gives_back_what_it_had_not_seen(connection: Connection) -> None:
    queue = declare(connection, "work")
    send(connection, "work", *range(5))
    consume(connection, queue, 1)[0].channel.close()
    assert [get(queue).delivery_info["redelivered"] for _ in range(5)] == [True, False, False, False, False]
