"""A full disk, a busy file, broken rows, forks."""

import os
import sqlite3
import threading
import time
from pathlib import Path

import kombu.exceptions
import pytest
from celery import Celery
from kombu import Connection, Consumer

from litebroker import disk_space, pump
from tests.broker.talk import consume, declare, get, ready, send
from tests.litebroker.look import opened, rows


def fill(connection: Connection) -> int:
    """Send until there is no room. Gives how many were accepted."""
    for number in range(10_000):
        try:
            send(connection, "work", "x" * 2000)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            return number
    raise AssertionError("never full")


def test_a_full_disk_is_told_to_the_publisher_and_nothing_accepted_is_lost(url: str) -> None:
    with Connection(url, transport_options={"max_page_count": 60}) as connection:
        queue = declare(connection, "work")
        accepted = fill(connection)
        assert accepted > 10
        assert ready(queue) == accepted


def test_a_full_disk_is_kombus_operational_error_to_a_celery_caller(url: str) -> None:
    app = Celery("full", broker=url, set_as_current=False)
    app.conf.broker_transport_options = {"max_page_count": 60}
    app.conf.task_publish_retry_policy = {"max_retries": 0}
    with pytest.raises(kombu.exceptions.OperationalError):
        send_for_ever(app)
    app.close()


def send_for_ever(app: Celery) -> None:
    for _ in range(1000):
        app.send_task("work.do", args=("x" * 2000,))


def test_publishers_leave_room_for_consumers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Connection(url) as connection:
        queue = declare(connection, "work")
        send(connection, "work", "before")
        monkeypatch.setattr(disk_space, "_free", lambda database: 16 * 1024 * 1024 - 1)
        with pytest.raises(disk_space.DiskFull):
            send(connection, "work", "after")
        assert get(queue).decode() == "before"
        assert queue.get() is None


def test_pages_to_spare_in_the_file_are_room(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Connection(url, transport_options={"disk_reserve": 400_000}) as connection:
        queue = declare(connection, "work")
        send(connection, "work", "x" * 1_000_000)
        queue.purge()
        monkeypatch.setattr(disk_space, "_free", lambda database: 0)
        send(connection, "work", "after")
        assert get(queue).decode() == "after"


def test_a_consumer_outlives_a_full_disk(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "TROUBLED_PAUSE", 0.05)
    with Connection(url) as connection:
        queue = declare(connection, "work")
        send(connection, "work", "first", "second")
        (first, *_) = found = consume(connection, queue, 1, prefetch=1)
        database = connection.transport.broker.database
        monkeypatch.setattr(database, "write", refused(database.write, times=6))
        first.ack()
        connection.drain_events(timeout=5)
        assert [message.decode() for message in found] == ["first", "second"]


def refused(write, times):  # type: ignore[no-untyped-def]
    """SQLite's own refusal, made by a database that has no room for one more page."""
    left = [times]

    def writing(durable=False):  # type: ignore[no-untyped-def]
        if left[0]:
            left[0] -= 1
            raise full()
        return write(durable)

    return writing


def full() -> sqlite3.OperationalError:
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE TABLE t (x)")
        db.execute("PRAGMA max_page_count = 2")
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")
    except sqlite3.OperationalError as error:
        return error
    finally:
        db.close()
    raise AssertionError("there was room")


FORGED = [
    b"\xff\xfe",
    b"[]",
    b"{}",
    b'{"properties": {}}',
    b"",
    b'{"properties": [], "headers": {}}',
    b'{"properties": {"delivery_info": "text"}, "headers": {}}',
    b'{"properties": {}, "headers": ["x"]}',
    b'{"properties": {}, "headers": {"x-death": 7}}',
]


@pytest.mark.parametrize("payload", FORGED)
def test_a_broken_row_is_parked_and_the_next_one_delivered(
    connection: Connection, tmp_path: Path, payload: bytes
) -> None:
    queue = declare(connection, "work")
    with opened(tmp_path) as db:
        db.execute("INSERT INTO message (queue, priority, payload) VALUES ('work', 9, ?)", (payload,))
    send(connection, "work", "good")
    (good,) = consume(connection, queue, 1)
    assert good.decode() == "good"
    assert rows(tmp_path, "SELECT count(*) FROM message WHERE queue = 'work.dead'") == [1]


def test_text_that_is_no_utf8_does_not_stop_the_queue(connection: Connection, tmp_path: Path) -> None:
    queue = declare(connection, "work")
    with opened(tmp_path) as db:
        db.execute("INSERT INTO message (queue, priority, payload) VALUES ('work', 9, CAST(x'ff' AS TEXT))")
    send(connection, "work", "good")
    assert consume(connection, queue, 1)[0].decode() == "good"


def test_a_message_over_the_limit_is_parked_without_being_told_where(url: str) -> None:
    with Connection(url, transport_options={"delivery_limit": 1}) as connection:
        queue = declare(connection, "work")
        send(connection, "work", "poison")
        for _ in range(2):
            get(queue).requeue()
        assert queue.get() is None
        assert get(declare(connection, "work.dead")).decode() == "poison"


def test_many_threads_publish_at_once_and_nothing_is_lost(url: str, connection: Connection) -> None:
    queue = declare(connection, "work")
    threads = [threading.Thread(target=publish_some, args=(url, 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ready(queue) == 400


def publish_some(url: str, count: int) -> None:
    with Connection(url) as connection:
        send(connection, "work", *range(count))


def test_a_writer_waits_for_another_that_holds_the_file(connection: Connection, tmp_path: Path) -> None:
    queue = declare(connection, "work")
    with opened(tmp_path) as db:
        db.execute("BEGIN IMMEDIATE")
        sending = threading.Thread(target=send, args=(connection, "work", 1))
        sending.start()
        time.sleep(0.2)
        db.execute("COMMIT")
    sending.join()
    assert ready(queue) == 1


def test_a_forked_child_publishes_and_takes_nothing_from_its_parent(connection: Connection, url: str) -> None:
    queue = declare(connection, "work")
    send(connection, "work", "held")
    held = get(queue)
    child = os.fork()
    if child == 0:
        os._exit(in_the_child(connection, url))
    assert os.waitpid(child, 0)[1] == 0
    assert get(queue).decode() == "from the child"
    assert queue.get() is None
    held.ack()


def in_the_child(inherited: Connection, url: str) -> int:
    inherited.release()
    with Connection(url) as connection:
        send(connection, "work", "from the child")
    return 0


def test_a_child_does_not_keep_its_dead_parents_messages(connection: Connection, url: str) -> None:
    """The lock on the owner's file must not live on in a child."""
    queue = declare(connection, "work")
    send(connection, "work", "held")
    parent = os.fork()
    if parent == 0:
        with Connection(url) as own:
            get(queue(own.default_channel))
            if os.fork() == 0:
                time.sleep(3)  # the grandchild outlives its parent
            os._exit(0)
    os.waitpid(parent, 0)
    started = time.monotonic()
    assert consume(connection, queue, 1)[0].decode() == "held"
    assert time.monotonic() - started < 2.5


def test_an_idle_consumer_costs_next_to_nothing(connection: Connection) -> None:
    queue = declare(connection, "work")
    with Consumer(connection, [queue]):
        started = time.process_time()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=3)
        assert time.process_time() - started < 0.09  # 3 % of a core; about 1 % where nobody else is at work


def test_a_file_that_was_deleted_is_left_and_its_successor_consumed(url: str, tmp_path: Path) -> None:
    with Connection(url) as consuming, Connection(url) as sending:
        queue = declare(consuming, "work")
        send(sending, "work", "in the old file")
        [held] = consume(consuming, queue, 1)
        for file in tmp_path.glob("broker.db*"):
            if file.is_file():
                file.unlink()
        with pytest.raises(ConnectionError, match="not the file it was"):
            consuming.drain_events(timeout=5)
        with Connection(url) as anew:
            queue = declare(anew, "work")
            send(sending, "work", "in the new file")
            [message] = consume(anew, queue, 1)
            held.ack()
            consuming.transport.broker.ledger.flush()
            assert message.payload == "in the new file"
            assert rows(tmp_path, "SELECT count(*) FROM message") == [1], "the ack of the old one settles nothing new"
