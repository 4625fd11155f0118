"""Flower's page "Broker" tells how long the queues are."""

import asyncio
from typing import Any

import pytest
from flower import views
from flower.utils.broker import RabbitMQ
from kombu import Connection

import litebroker.flower  # noqa: F401 - what flowerconfig.py does
from tests.broker.talk import consume, declare, send


def told(url: str, *names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asyncio.run(views.Broker(url, http_api=None).queues(names))
    return found


def test_it_counts_what_is_ready_and_what_is_in_hand(connection: Connection) -> None:
    stock, _ = declare(connection, "shop.stock"), declare(connection, "shop.mails")
    declare(connection, "somebody-elses")
    send(connection, "shop.stock", 1, 2, 3)
    consume(connection, stock, 2, prefetch=2)
    url = connection.as_uri(include_password=True)
    assert told(url, "shop.stock", "shop.mails", "not there") == [
        queue("shop.mails", ready=0, held=0, consumers=0),
        queue("shop.stock", ready=1, held=2, consumers=1),
    ]


def queue(name: str, *, ready: int, held: int, consumers: int) -> dict[str, Any]:
    counted = {"messages": ready + held, "messages_ready": ready, "messages_unacknowledged": held}
    return {"name": name, "consumers": consumers, **counted}


def test_other_brokers_are_asked_as_ever() -> None:
    assert isinstance(views.Broker("amqp://guest@localhost//", http_api=None), RabbitMQ)
    with pytest.raises(NotImplementedError):
        views.Broker("pigeon://", http_api=None)
