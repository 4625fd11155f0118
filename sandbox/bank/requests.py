"""The stored answers by idempotency key, written in the same transaction as the effect."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from sandbox.bank.records import now


@dataclass(frozen=True)
class Answer:
    """A stored answer, as text, so that a repetition is the same to the byte."""

    status: int
    text: str
    fingerprint: str
    replayed: bool = False


def fingerprint(path: str, body: dict[str, Any]) -> str:
    """Hash path and body; the order of the body's fields does not matter."""
    wish = json.dumps([path, body], sort_keys=True)
    return hashlib.sha256(wish.encode()).hexdigest()


def recall(db: sqlite3.Connection, key: str) -> Answer | None:
    """Return the stored answer, marked as replayed; None for an unknown key."""
    row = db.execute("select status, response, fingerprint from requests where key = ?", (key,)).fetchone()
    return Answer(row[0], row[1], row[2], replayed=True) if row else None


def remember(db: sqlite3.Connection, key: str, path: str, mark: str, status: int, body: dict[str, Any]) -> Answer:
    """Store the answer to a request under its key and return it."""
    text = json.dumps(body, separators=(",", ":"))
    db.execute(
        "insert into requests (key, fingerprint, path, status, response, at) values (?, ?, ?, ?, ?, ?)",
        (key, mark, path, status, text, now()),
    )
    return Answer(status, text, mark)
