"""Dead letters: where a message goes that no consumer will take again.

It goes to the queue's dead letter exchange, if it has one. A message over its delivery limit, or one that cannot be
read, is otherwise parked in `<queue>.dead`: it killed the workers that took it, and an operator will want to see it.
"""

import sqlite3
from typing import Any

from litebroker import messages, queues, routing
from litebroker.options import Options

PARKED = "{}.dead"
DROPPED_WITHOUT_EXCHANGE = ("rejected", "expired")  # as RabbitMQ does


def bury(db: sqlite3.Connection, id_: int, reason: str) -> None:
    """Move one message to its dead letter queues, or drop it. `reason` is written into its `x-death` header."""
    row = db.execute(
        "SELECT m.queue, m.priority, CAST(m.payload AS BLOB), q.dead_letter_exchange, q.dead_letter_routing_key"
        " FROM message m LEFT JOIN queue q ON q.name = m.queue WHERE m.id = ?",
        (id_,),
    ).fetchone()
    if row is None:
        return
    queue, priority, payload, exchange, key = row
    db.execute("DELETE FROM message WHERE id = ?", (id_,))
    for target in _targets(db, queue, exchange, key or _routing_key(payload), reason):
        messages.put(db, target, _with_death(payload, queue, reason), priority, ttl=None)


def _targets(db: sqlite3.Connection, queue: str, exchange: str | None, key: str, reason: str) -> list[str]:
    if exchange is None and reason in DROPPED_WITHOUT_EXCHANGE:
        return []
    if exchange is None:
        return [_parking(db, queue)]
    if exchange and routing.kind_of(db, exchange) is None:  # the queue names an exchange that does not exist
        return [_parking(db, queue)]
    return routing.targets(db, exchange, key)


def _parking(db: sqlite3.Connection, queue: str) -> str:
    name = PARKED.format(queue)
    queues.declare(db, name, queues.Kind(durable=True), {}, Options(delivery_limit=None))
    return name


def _routing_key(payload: bytes) -> str:
    try:
        return str(messages.decode(payload)["properties"]["delivery_info"]["routing_key"])
    except (ValueError, KeyError, TypeError):
        return ""


def _with_death(payload: bytes, queue: str, reason: str) -> bytes:
    """Add RabbitMQ's `x-death` header, the newest death first. A payload that is no message is returned as it is."""
    try:
        return messages.encode(_dying(messages.decode(payload), queue, reason))
    except (ValueError, KeyError, TypeError, AttributeError):
        return payload


def _dying(message: dict[str, Any], queue: str, reason: str) -> dict[str, Any]:
    info = message["properties"].get("delivery_info") or {}
    death = {
        "count": 1, "reason": reason, "queue": queue,
        "exchange": info.get("exchange", ""), "routing-keys": [info.get("routing_key", "")],
    }  # fmt: skip
    headers = message.get("headers") or {}
    message["headers"] = {**headers, "x-death": [death, *headers.get("x-death", [])]}
    return message
