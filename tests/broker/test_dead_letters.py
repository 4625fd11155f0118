"""A message nobody can take ends where somebody can look at it."""

from kombu import Connection, Queue

from tests.broker.conftest import Broker
from tests.broker.talk import consume, declare, eventually, get, holder, kill, ready, send


def poisonable(connection: Connection, name: str, limit: int) -> tuple[Queue, Queue]:
    dead = declare(connection, f"{name}-dead")
    arguments = {
        "x-queue-type": "quorum",  # RabbitMQ's classic queues know no limit; litebroker passes it over
        "x-delivery-limit": limit,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead.name,
    }
    return declare(connection, name, queue_arguments=arguments), dead


def test_a_message_is_delivered_limit_plus_one_times_and_then_parked(connection: Connection, name: str) -> None:
    queue, dead = poisonable(connection, name, limit=2)
    send(connection, name, "poison")
    for count in (0, 1, 2):
        message = get(queue)
        assert message.headers.get("x-delivery-count", 0) == count
        message.requeue()
    parked = get(dead)
    assert parked.decode() == "poison"
    assert parked.headers["x-death"][0]["queue"] == name
    assert parked.headers["x-death"][0]["reason"] == "delivery_limit"
    assert queue.get() is None


def test_a_message_that_kills_its_consumers_is_parked(connection: Connection, broker: Broker, name: str) -> None:
    queue, dead = poisonable(connection, name, limit=1)
    send(connection, name, "killer")
    for _ in range(2):
        with holder(broker.url, name) as process:
            kill(process)
    (parked,) = consume(connection, dead, 1)
    assert parked.decode() == "killer"
    eventually(0, lambda: ready(queue))


def test_a_rejected_message_goes_to_the_dead_letters(connection: Connection, name: str) -> None:
    queue, dead = poisonable(connection, name, limit=5)
    send(connection, name, "no thanks")
    get(queue).reject()
    parked = get(dead)
    assert parked.decode() == "no thanks"
    assert parked.headers["x-death"][0]["reason"] == "rejected"
