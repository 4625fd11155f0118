"""The tables of the broker file, with one partial index for each query of `message`."""

import sqlite3

VERSION = 1

TABLES = """
CREATE TABLE queue (
    name TEXT PRIMARY KEY,
    durable INTEGER NOT NULL,
    auto_delete INTEGER NOT NULL,
    exclusive_to TEXT,
    last_used REAL NOT NULL,
    expires REAL,
    message_ttl REAL,
    max_length INTEGER,
    max_priority INTEGER,
    delivery_limit INTEGER,
    dead_letter_exchange TEXT,
    dead_letter_routing_key TEXT
) WITHOUT ROWID;

CREATE TABLE exchange (name TEXT PRIMARY KEY, type TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO exchange VALUES ('amq.direct', 'direct'), ('amq.topic', 'topic'), ('amq.fanout', 'fanout');

CREATE TABLE binding (
    exchange TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (exchange, routing_key, queue)
) WITHOUT ROWID;
CREATE INDEX binding_queue ON binding (queue);

CREATE TABLE consumer (
    tag TEXT NOT NULL,
    owner TEXT NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (owner, tag)
) WITHOUT ROWID;
CREATE INDEX consumer_queue ON consumer (queue);

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    expires_at REAL,
    deliveries INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    payload BLOB NOT NULL
);
CREATE INDEX message_ready ON message (queue, priority DESC, id) WHERE owner IS NULL;
CREATE INDEX message_held ON message (owner) WHERE owner IS NOT NULL;
CREATE INDEX message_expiring ON message (expires_at) WHERE expires_at IS NOT NULL;
"""


class UnknownSchema(sqlite3.OperationalError):
    """The file was written by a litebroker of another version."""


def ensure(db: sqlite3.Connection) -> None:
    """Create the tables unless they are there. Safe for many processes at once. Raises UnknownSchema."""
    if version(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        _create(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _create(db: sqlite3.Connection) -> None:
    found = version(db)
    if found == VERSION:
        return
    if found:
        raise UnknownSchema(f"broker file has schema {found}, this litebroker speaks {VERSION}")
    for statement in TABLES.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")
