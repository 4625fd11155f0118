"""Another client of the database, which locks stock rows in the wrong order: highest SKU first."""

from __future__ import annotations

import time

import psycopg

from tests.stack import Stack

BETWEEN = 0.15  # seconds: a worker that waits for the second row meanwhile has waited longer, and is the victim
LOCK = "SELECT 1 FROM stock WHERE sku = %s FOR UPDATE"


def lock_backwards(stack: Stack, *skus: str) -> bool:
    """Lock these SKUs one after the other; return whether PostgreSQL ended a deadlock by aborting this client."""
    url = stack.shelf.engine.url
    where = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    with psycopg.connect(**where) as stranger:  # type: ignore[arg-type]
        try:
            for sku in skus:
                stranger.execute(LOCK, (sku,))
                time.sleep(BETWEEN)
        except psycopg.errors.DeadlockDetected:
            return True
    return False


def deadlocks(stack: Stack) -> int:
    """Return how many deadlocks PostgreSQL has ever ended in this database."""
    [row] = stack.shelf.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(row["deadlocks"])
