"""A message's way: put, taken, settled."""

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
    """One taking of one message. An ack names the delivery, so a late one cannot hit the next."""

    id: int
    queue: str
    count: int
    payload: bytes
    owner: str  # who took it

    @property
    def tag(self) -> str:
        return f"{self.id}.{self.count}"


def encode(payload: Payload) -> bytes:
    return json.dumps(payload, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> str:
    """Headers may carry a lazy string or an id; what has no JSON of its own travels as its text."""
    return str(value)


def decode(payload: bytes) -> Payload:
    """Raises ValueError for what is not a message."""
    found = json.loads(payload)
    if not isinstance(found, dict) or not isinstance(found.get("properties"), dict):
        raise ValueError("not a message: no properties")
    return found


def put(db: sqlite3.Connection, queue: str, payload: bytes, priority: int, ttl: float | None) -> None:
    """Into one queue that exists; `ttl` in seconds is the message's own."""
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
    """The first `limit` ready messages, the highest priority first; now `owner` holds them."""
    return _deliveries(queue, owner, db.execute(_TAKE, (owner, queue, time.time(), limit)).fetchall())


def take_for_good(db: sqlite3.Connection, queue: str, limit: int) -> list[Delivery]:
    """For a consumer that will not ack."""
    return _deliveries(queue, "", db.execute(_TAKE_FOR_GOOD, (queue, time.time(), limit)).fetchall())


def _deliveries(queue: str, owner: str, rows: list[tuple[int, int, int, bytes | None]]) -> list[Delivery]:
    """RETURNING promises no order."""
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [Delivery(id_, queue, count, payload or b"", owner) for _, id_, count, payload in rows]
