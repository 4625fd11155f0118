"""A process that stands still for a while and does not know it: a machine that swapped, or was moved."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from tests.sandboxes import wait_until
from tests.stack import Handle, Stack


class Standing(NamedTuple):
    """Where a run stands at the bank: under which version, held how, and how often it has been asked."""

    version: int
    hold: str
    attempts: int


@contextmanager
def frozen(worker: Handle, stack: Stack) -> Iterator[None]:
    """Not in the middle of writing: on SQLite nobody else could write before it goes on (see docs/reliability.md)."""
    try:
        wait_until(lambda: _freeze(worker, stack), what=f"{worker.name} to be frozen between two transactions")
        yield
    finally:
        worker.resume()


def charging(stack: Stack) -> dict[str, Standing]:
    """The orders whose charge is in somebody's hands."""
    return {order: one for order, one in at_the_bank(stack).items() if one.hold == "call"}


def at_the_bank(stack: Stack) -> dict[str, Standing]:
    rows = stack.shelf.rows(
        "SELECT r.subject_id, r.version, r.hold, j.attempts FROM runs r JOIN journal j ON j.run_id = r.id"
        " WHERE j.name = 'charge_payment' AND j.direction = 'do'"
    )
    return {str(row["subject_id"]): Standing(row["version"], row["hold"], row["attempts"]) for row in rows}


def _freeze(worker: Handle, stack: Stack) -> bool:
    worker.pause()
    if stack.pair == "services" or _may_write(stack):
        return True
    worker.resume()
    time.sleep(0.05)
    return False


def _may_write(stack: Stack) -> bool:
    for name in ("shop.db", "broker.db"):
        with closing(sqlite3.connect(stack.state_dir / name, timeout=0.3, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False  # somebody is in the middle of it, and it may be the one that is frozen
            db.execute("ROLLBACK")
    return True
