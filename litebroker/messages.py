"""Messages: encoded, put into a queue, taken from it."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from litebroker import queues

Payload = dict[str, Any]

TRIM_EVERY = 100  # a long queue's length is looked at once in so many messages: counting costs


@dataclass(frozen=True)
class Delivery:
    """One delivery of one message. An ack names the delivery, so that a late one cannot settle the next."""

    id: int
    queue: str
    count: int
    payload: bytes
    owner: str  # the process that took it; "": taken without an ack to come

    @property
    def tag(self) -> str:
        return f"{self.id}.{self.count}"


def encode(payload: Payload) -> bytes:
    return json.dumps(payload, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> str:
    """Encode a value that has no JSON of its own, a lazy string or an id in a header, as its text."""
    return str(value)


def decode(payload: bytes) -> Payload:
    """Decode a payload. Raises ValueError if it is no JSON object with properties."""
    found = json.loads(payload)
    if not isinstance(found, dict) or not isinstance(found.get("properties"), dict):
        raise ValueError("not a message: no properties")
    return found


def put(db: sqlite3.Connection, queue: str, payload: bytes, priority: int, ttl: float | None) -> None:
    """Insert a message into a queue, which must exist. `ttl`: seconds, the message's own; the queue's may be shorter.

    Messages beyond the queue's maximum length are deleted, the oldest first.
    """
    length, highest, queue_ttl = db.execute(
        "SELECT max_length, max_priority, message_ttl FROM queue WHERE name = ?", (queue,)
    ).fetchone()
    lives = min((each for each in (ttl, queue_ttl) if each is not None), default=None)
    row = db.execute(
        "INSERT INTO message (queue, priority, expires_at, payload) VALUES (?, ?, ?, ?)",
        (queue, min(priority, 9 if highest is None else highest), lives and time.time() + lives, payload),
    )
    if length is not None and (length <= TRIM_EVERY or (row.lastrowid or 0) % TRIM_EVERY == 0):
        queues.trim(db, queue, length)


_READY = (
    "SELECT id FROM message WHERE queue = ? AND owner IS NULL AND (expires_at IS NULL OR expires_at > ?)"
    " ORDER BY priority DESC, id LIMIT ?"
)
# a cast, because a row with text that is no UTF-8 would kill the whole fetch
_COLUMNS = "RETURNING priority, id, deliveries, CAST(payload AS BLOB)"
_TAKE = f"UPDATE message SET owner = ?, deliveries = deliveries + 1 WHERE id IN ({_READY}) {_COLUMNS}"  # noqa: S608
_TAKE_FOR_GOOD = f"DELETE FROM message WHERE id IN ({_READY}) {_COLUMNS}"  # noqa: S608


def take(db: sqlite3.Connection, queue: str, limit: int, owner: str) -> list[Delivery]:
    """Take the first `limit` ready messages for `owner`, the highest priority first, and count the delivery."""
    return _deliveries(queue, owner, db.execute(_TAKE, (owner, queue, time.time(), limit)).fetchall())


def take_for_good(db: sqlite3.Connection, queue: str, limit: int) -> list[Delivery]:
    """Take and delete messages, for a consumer that will not acknowledge them."""
    return _deliveries(queue, "", db.execute(_TAKE_FOR_GOOD, (queue, time.time(), limit)).fetchall())


def _deliveries(queue: str, owner: str, rows: list[tuple[int, int, int, bytes | None]]) -> list[Delivery]:
    """Sort rows by priority and id: RETURNING promises no order."""
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [Delivery(id_, queue, count, payload or b"", owner) for _, id_, count, payload in rows]
