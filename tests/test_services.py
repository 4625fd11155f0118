"""The test bench itself: its databases are empty, its services real and nobody else's."""

from __future__ import annotations

import pytest
from kombu import Connection
from redis import Redis

import db
from engine.tables import QueueProbeRow
from tests.fixtures import Database
from tests.services import NAME
from tests.services.redis import CLAIM
from tests.services.session import Services
from tests.stack.environment import on_services


def test_each_test_finds_an_empty_database(database: Database) -> None:
    with db.transaction() as session:
        assert session.query(QueueProbeRow).count() == 0
        session.add(QueueProbeRow(queue="left behind"))


def test_whatever_the_one_before_left_is_gone(database: Database) -> None:
    with db.reading() as session:
        assert session.query(QueueProbeRow).count() == 0
        assert session.get_bind().dialect.name == database.kind


def test_databases_are_our_own_and_go_at_the_end(services: Services) -> None:
    with services.postgresql.database() as url:
        assert "/orderwave_test_" in url


def test_rabbitmq_takes_a_queue_of_ours(services: Services) -> None:
    with Connection(services.rabbitmq.url) as connection:
        queue = connection.SimpleQueue(services.rabbitmq.prefix + "bench")
        queue.put({"hello": 1})
        assert queue.get(timeout=5).payload == {"hello": 1}
        queue.close()


def test_queues_of_a_copy_go_with_it(services: Services) -> None:
    """Hundreds of them would use up the files that RabbitMQ may open, and then it answers nobody."""
    broker = services.rabbitmq
    with on_services(services, "gone") as chosen, Connection(broker.url) as line:
        line.default_channel.queue_declare(f"{chosen['QUEUE_PREFIX']}stock")
    with Connection(broker.url) as line, pytest.raises(line.channel_errors):
        line.default_channel.queue_declare(f"{broker.prefix}gone.stock", passive=True)


def test_redis_gives_us_a_numbered_database(services: Services) -> None:
    with Redis.from_url(services.redis.url) as client:
        assert client.ping()
        assert client.get(CLAIM) == NAME.encode()
