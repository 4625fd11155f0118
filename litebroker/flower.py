"""Flower's page "Broker" and `/api/queues/length` for this broker: `import litebroker.flower` in `flowerconfig.py`."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import flower.views
from flower.utils.broker import Broker, BrokerBase
from kombu.connection import Connection

_LENGTHS = """
SELECT name,
    (SELECT count(*) FROM message WHERE message.queue = name),
    (SELECT count(*) FROM message WHERE message.queue = name AND owner IS NOT NULL),
    (SELECT count(*) FROM consumer WHERE consumer.queue = name)
FROM queue WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name
"""


class Litebroker(BrokerBase):  # type: ignore[misc] # Flower has no types
    def __init__(self, broker_url: str, *_: Any, **__: Any) -> None:
        self._url = broker_url

    async def queues(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return lengths and consumers of these queues, by RabbitMQ's names.

        Reads in a thread, because Flower's own must not wait for a file.
        """
        return await asyncio.to_thread(self._look, list(names))

    def _look(self, names: list[str]) -> list[dict[str, Any]]:
        with Connection(self._url) as line:
            line.connect()
            return [_told(*row) for row in line.transport.broker.database.read(_LENGTHS, (json.dumps(names),))]


def _told(name: str, messages: int, held: int, consumers: int) -> dict[str, Any]:
    return {
        "name": name,
        "messages": messages,
        "messages_ready": messages - held,
        "messages_unacknowledged": held,
        "consumers": consumers,
    }


class AnyBroker(Broker):  # type: ignore[misc]
    """Flower's choice of a broker, and litebroker: Flower's own knows a few brokers and offers no place to add one."""

    def __new__(cls, broker_url: str, *rest: Any, **options: Any) -> Any:
        if broker_url.startswith("litebroker:"):
            return Litebroker(broker_url)
        return Broker(broker_url, *rest, **options)


flower.views.Broker = AnyBroker
