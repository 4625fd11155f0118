"""The test bench itself: its databases are empty, its services real and nobody else's."""

from __future__ import annotations

from kombu import Connection
from redis import Redis

import db
from engine.tables import LaneRow
from tests.fixtures import Database
from tests.services import NAME
from tests.services.redis import CLAIM
from tests.services.session import Services


def test_each_test_finds_an_empty_database(database: Database) -> None:
    with db.transaction() as session:
        assert session.query(LaneRow).count() == 0
        session.add(LaneRow(queue="left behind"))


def test_whatever_the_one_before_left_is_gone(database: Database) -> None:
    with db.reading() as session:
        assert session.query(LaneRow).count() == 0
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


def test_redis_gives_us_a_numbered_database(services: Services) -> None:
    with Redis.from_url(services.redis.url) as client:
        assert client.ping()
        assert client.get(CLAIM) == NAME.encode()
