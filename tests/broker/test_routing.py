"""Which queues a message reaches."""

from kombu import Connection, Exchange, Producer

from tests.broker.talk import declare, eventually, get, ready


def publish(connection: Connection, exchange: Exchange, key: str, body: str) -> None:
    Producer(connection.default_channel).publish(body, exchange=exchange, routing_key=key, declare=[exchange])


def test_a_fanout_reaches_every_queue_bound_to_it(connection: Connection, name: str) -> None:
    exchange = Exchange(name, "fanout")
    bound = [declare(connection, f"{name}-{letter}", exchange=exchange) for letter in "ab"]
    other = declare(connection, f"{name}-c")
    publish(connection, exchange, "", "news")
    assert [get(queue).decode() for queue in bound] == ["news", "news"]
    assert other.get() is None


def test_a_direct_exchange_goes_by_the_exact_key(connection: Connection, name: str) -> None:
    exchange = Exchange(name, "direct")
    red = declare(connection, f"{name}-red", exchange=exchange, routing_key="red")
    blue = declare(connection, f"{name}-blue", exchange=exchange, routing_key="blue")
    publish(connection, exchange, "red", "paint")
    assert get(red).decode() == "paint"
    assert blue.get() is None


def test_a_topic_star_is_one_word_and_a_hash_any_number(connection: Connection, name: str) -> None:
    exchange = Exchange(name, "topic")
    keys = ("task.*", "task.#", "#", "*.*.late")
    queues = [declare(connection, f"{name}-{i}", exchange=exchange, routing_key=key) for i, key in enumerate(keys)]
    for key in ("task", "task.done", "task.done.late"):
        publish(connection, exchange, key, key)
    for queue, count in zip(queues, (1, 3, 3, 1), strict=True):
        eventually(count, lambda queue=queue: ready(queue))


def test_a_queue_bound_twice_gets_a_message_once(connection: Connection, name: str) -> None:
    exchange = Exchange(name, "topic")
    queue = declare(connection, name, exchange=exchange, routing_key="a.*")
    queue.bind_to(exchange, routing_key="*.b")
    publish(connection, exchange, "a.b", "once")
    eventually(1, lambda: ready(queue))


def test_a_message_for_nobody_is_dropped_in_silence(connection: Connection, name: str) -> None:
    exchange = Exchange(name, "direct")
    queue = declare(connection, name, exchange=exchange, routing_key="me")
    publish(connection, exchange, "nobody", "lost")
    assert queue.get() is None
