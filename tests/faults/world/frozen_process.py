"""A process that is frozen for a while without notice, as when a machine swaps or is moved."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from tests.sandboxes import wait_until
from tests.stack import Handle, Stack


class Standing(NamedTuple):
    """The state of a run at its charge: its version, its hold, and the attempts of the step."""

    version: int
    hold: str
    attempts: int


@contextmanager
def frozen(worker: Handle, stack: Stack) -> Iterator[None]:
    """Freeze the worker during a block.

    Not within a write transaction: on SQLite no other process could write meanwhile (see docs/reliability.md).
    """
    try:
        wait_until(lambda: _freeze(worker, stack), what=f"{worker.name} to be frozen between two transactions")
        yield
    finally:
        worker.resume()


def charging(stack: Stack) -> dict[str, Standing]:
    """Return the orders whose charge is being called by a worker."""
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
                return False  # a process is writing, and it may be the frozen one
            db.execute("ROLLBACK")
    return True
