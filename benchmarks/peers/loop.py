"""No queue at all: a table of open orders, and processes that loop over it.

`python -m benchmarks.peers.loop serve` is one of them, `prepare` makes the table. It takes one order at a time with
SKIP LOCKED and does the next of its four steps, one transaction per step. No order is lost when it dies; there is no
retry, no undo, no status.
"""

from __future__ import annotations

import sys
import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.peers.database import transaction
from benchmarks.peers.steps import STEPS

IDLE = 0.005
_TABLE = text("CREATE TABLE loop_work (order_id uuid PRIMARY KEY, step int NOT NULL DEFAULT 0)")
_ADD = text("INSERT INTO loop_work (order_id) VALUES (:order)")
_TAKE = text("SELECT order_id::text, step FROM loop_work ORDER BY order_id LIMIT 1 FOR UPDATE SKIP LOCKED")
_NEXT = text("UPDATE loop_work SET step = step + 1 WHERE order_id = :order")
_DONE = text("DELETE FROM loop_work WHERE order_id = :order")


def begin(session: Session, order_id: str) -> None:
    session.execute(_ADD, {"order": order_id})


def hand_over(order_id: str) -> None:
    """Do nothing: a looping process finds the order in the table."""


def step() -> bool:
    """Do the next step of one order; return False when there was no order."""
    with transaction() as session:
        taken = session.execute(_TAKE).one_or_none()
        if taken:
            STEPS[taken.step](session, taken.order_id)
            session.execute(_DONE if taken.step == len(STEPS) - 1 else _NEXT, {"order": taken.order_id})
    return taken is not None


def serve() -> None:
    while True:
        if not step():
            time.sleep(IDLE)


def prepare() -> None:
    with transaction() as session:
        session.execute(_TABLE)


if __name__ == "__main__":
    {"serve": serve, "prepare": prepare}[sys.argv[1]]()
