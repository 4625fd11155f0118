"""Consumers of queues. When the last one leaves, an auto-delete queue is deleted, and another may begin to expire."""

import sqlite3
import time

from litebroker import queues


def add(db: sqlite3.Connection, tag: str, owner: str, queue: str) -> None:
    db.execute("INSERT OR REPLACE INTO consumer VALUES (?, ?, ?)", (tag, owner, queue))


def remove(db: sqlite3.Connection, tag: str, owner: str) -> None:
    """Delete a consumer, and its queue if that is auto-delete and has no other."""
    sql = "DELETE FROM consumer WHERE tag = ? AND owner = ? RETURNING queue"
    for (queue,) in db.execute(sql, (tag, owner)).fetchall():
        _left(db, queue)


def remove_all(db: sqlite3.Connection, owner: str) -> None:
    """Delete the consumers and the exclusive queues of a dead owner."""
    for (queue,) in db.execute("DELETE FROM consumer WHERE owner = ? RETURNING queue", (owner,)).fetchall():
        _left(db, queue)
    for (queue,) in db.execute("SELECT name FROM queue WHERE exclusive_to = ?", (owner,)).fetchall():
        if not queues.consumers(db, queue):
            queues.delete(db, queue)


def _left(db: sqlite3.Connection, queue: str) -> None:
    db.execute("UPDATE queue SET last_used = ? WHERE name = ?", (time.time(), queue))
    gone = db.execute("SELECT 1 FROM queue WHERE name = ? AND auto_delete", (queue,)).fetchone()
    if gone and not queues.consumers(db, queue):
        queues.delete(db, queue)
