"""Queues: declaring, counting, purging, trimming and deleting them."""

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litebroker.options import Options

# RabbitMQ's name: the column, and the factor from RabbitMQ's unit to ours (milliseconds to seconds)
_ARGUMENTS: dict[str, tuple[str, float]] = {
    "x-expires": ("expires", 0.001),
    "x-message-ttl": ("message_ttl", 0.001),
    "x-max-length": ("max_length", 1),
    "x-max-priority": ("max_priority", 1),
    "x-delivery-limit": ("delivery_limit", 1),
}
_NAMES = {
    "x-dead-letter-exchange": "dead_letter_exchange",
    "x-dead-letter-routing-key": "dead_letter_routing_key",
}


@dataclass(frozen=True)
class Kind:
    """The properties with which a queue is declared."""

    durable: bool = False
    auto_delete: bool = False
    exclusive_to: str | None = None  # the owner at whose end it is deleted


def declare(db: sqlite3.Connection, name: str, kind: Kind, arguments: Mapping[str, Any], options: Options) -> None:
    """Create the queue, or change it: the last declaration's arguments win, each by itself; absent ones stay."""
    db.execute(
        "INSERT INTO queue (name, durable, auto_delete, exclusive_to, last_used, delivery_limit, max_length)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET last_used = excluded.last_used,"
        " exclusive_to = coalesce(excluded.exclusive_to, exclusive_to)",
        (name, kind.durable, kind.auto_delete, kind.exclusive_to, time.time(), options.delivery_limit,
         _default_length(kind, arguments, options)),
    )  # fmt: skip
    for column, value in columns(arguments).items():
        db.execute(f"UPDATE queue SET {column} = ? WHERE name = ?", (value, name))  # noqa: S608 - our own column names


def _default_length(kind: Kind, arguments: Mapping[str, Any], options: Options) -> int | None:
    """Return the length limit of a fleeting queue; None for a lasting one.

    Fleeting queues, as those of events, may stay unread for a while and must not fill the disk.
    """
    fleeting = not kind.durable or kind.auto_delete or kind.exclusive_to or "x-expires" in arguments
    return options.transient_max_length if fleeting else None


def columns(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return RabbitMQ's queue arguments as columns and their values; unknown ones (`x-queue-type`) are ignored."""
    found: dict[str, Any] = {_NAMES[key]: str(value) for key, value in arguments.items() if key in _NAMES}
    for key, (column, factor) in _ARGUMENTS.items():
        if arguments.get(key) is not None:
            found[column] = arguments[key] * factor
    return found


def exists(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("SELECT 1 FROM queue WHERE name = ?", (name,)).fetchone() is not None


def size(db: sqlite3.Connection, name: str) -> int:
    """Return how many messages are ready; as on RabbitMQ unacknowledged ones are not counted."""
    sql = "SELECT count(*) FROM message WHERE queue = ? AND owner IS NULL"
    return int(db.execute(sql, (name,)).fetchone()[0])


def consumers(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute("SELECT count(*) FROM consumer WHERE queue = ?", (name,)).fetchone()[0])


def purge(db: sqlite3.Connection, name: str) -> int:
    """Delete the ready messages. Returns how many."""
    return db.execute("DELETE FROM message WHERE queue = ? AND owner IS NULL", (name,)).rowcount


def delete(db: sqlite3.Connection, name: str) -> None:
    for table in ("message", "binding", "consumer"):
        db.execute(f"DELETE FROM {table} WHERE queue = ?", (name,))  # noqa: S608
    db.execute("DELETE FROM queue WHERE name = ?", (name,))


def delete_unused(db: sqlite3.Connection, name: str) -> None:
    if not consumers(db, name):
        delete(db, name)


def trim(db: sqlite3.Connection, name: str, length: int) -> int:
    """Delete ready messages beyond `length`, the oldest first, as RabbitMQ does. Returns how many."""
    return db.execute(
        "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE queue = ? AND owner IS NULL"
        " ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (name, length),
    ).rowcount
