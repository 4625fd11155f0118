"""Exchanges and bindings: from an exchange and a routing key to the queues."""

import re
import sqlite3
from functools import lru_cache

from litebroker.errors import not_found, precondition_failed

TYPES = ("direct", "topic", "fanout")


def declare(db: sqlite3.Connection, exchange: str, kind: str) -> None:
    """Create the exchange if it is missing. Raises ChannelError 406 for an unknown type, or another than it has."""
    if kind not in TYPES:
        raise precondition_failed(f"exchange type {kind!r} is none of {', '.join(TYPES)}", "Channel.exchange_declare")
    known = kind_of(db, exchange)
    if known is None:
        db.execute("INSERT INTO exchange VALUES (?, ?)", (exchange, kind))
    elif known != kind:
        raise precondition_failed(f"exchange {exchange!r} is {known}, not {kind}", "Channel.exchange_declare")


def kind_of(db: sqlite3.Connection, exchange: str) -> str | None:
    row = db.execute("SELECT type FROM exchange WHERE name = ?", (exchange,)).fetchone()
    return row[0] if row else None


def drop(db: sqlite3.Connection, exchange: str) -> None:
    db.execute("DELETE FROM binding WHERE exchange = ?", (exchange,))
    db.execute("DELETE FROM exchange WHERE name = ?", (exchange,))


def bind(db: sqlite3.Connection, queue: str, exchange: str, routing_key: str) -> None:
    """Bind a queue to an exchange. Safe to call twice. Raises ChannelError 404 for an unknown exchange."""
    if kind_of(db, exchange) is None:
        raise not_found("exchange", exchange, "Channel.queue_bind")
    db.execute("INSERT OR IGNORE INTO binding VALUES (?, ?, ?)", (exchange, routing_key, queue))


def unbind(db: sqlite3.Connection, queue: str, exchange: str, routing_key: str) -> None:
    db.execute(
        "DELETE FROM binding WHERE exchange = ? AND routing_key = ? AND queue = ?", (exchange, routing_key, queue)
    )


def targets(db: sqlite3.Connection, exchange: str, routing_key: str) -> list[str]:
    """Return the queues a message goes to, each once. Raises ChannelError 404 for an unknown exchange."""
    if not exchange:  # the default exchange: every queue is bound by its own name
        return [row[0] for row in db.execute("SELECT name FROM queue WHERE name = ?", (routing_key,))]
    kind = kind_of(db, exchange)
    if kind is None:
        raise not_found("exchange", exchange, "Channel.basic_publish")
    if kind == "direct":
        sql = "SELECT queue FROM binding WHERE exchange = ? AND routing_key = ?"
        return [row[0] for row in db.execute(sql, (exchange, routing_key))]
    rows = db.execute("SELECT routing_key, queue FROM binding WHERE exchange = ?", (exchange,))
    return sorted({queue for key, queue in rows if kind == "fanout" or matches(key, routing_key)})


def matches(pattern: str, routing_key: str) -> bool:
    """Match a routing key against a topic: `*` stands for one word, `#` for any number of words, none included."""
    return _compiled(pattern).fullmatch("." + routing_key) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a topic. Every word carries its dot in front, so that `#` can match the dot together with the word."""
    return re.compile("".join(_word(word) for word in pattern.split(".")), re.DOTALL)


def _word(word: str) -> str:
    if word == "#":
        return r"(?:\.[^.]*)*"
    if word == "*":
        return r"\.[^.]+"
    return re.escape("." + word)
