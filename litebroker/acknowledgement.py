"""Verdicts on delivered messages, and what each does to the message's row."""

import sqlite3
from enum import StrEnum

from litebroker.deadletters import bury
from litebroker.messages import Delivery


class Verdict(StrEnum):
    DONE = "done"  # acknowledged: the row is deleted
    REQUEUED = "requeued"  # back to its place, unless it has used up its deliveries
    UNTOUCHED = "untouched"  # taken ahead and never delivered: back as if it had not been taken
    REJECTED = "rejected"  # to the dead letters, or dropped
    BROKEN = "broken"  # it cannot be read: to the dead letters


_HELD = "WHERE id = ? AND owner = ? AND deliveries = ?"  # only while it is still this very delivery


def apply(db: sqlite3.Connection, verdict: Verdict, delivery: Delivery) -> None:
    """Carry out a verdict. Does nothing if the message has left this delivery: settled, or taken again."""
    held = (delivery.id, delivery.owner, delivery.count)
    if verdict is Verdict.DONE:
        db.execute(f"DELETE FROM message {_HELD}", held)  # noqa: S608
    elif verdict is Verdict.UNTOUCHED:
        db.execute(f"UPDATE message SET owner = NULL, deliveries = deliveries - 1 {_HELD}", held)  # noqa: S608
    elif db.execute(f"SELECT 1 FROM message {_HELD}", held).fetchone():  # noqa: S608
        _give_up(db, verdict, delivery.id)


def _give_up(db: sqlite3.Connection, verdict: Verdict, id_: int) -> None:
    if verdict is Verdict.REQUEUED:
        give_back(db, id_)
    else:
        bury(db, id_, verdict)


def give_back(db: sqlite3.Connection, id_: int) -> None:
    """Put a message back into its queue, or, as RabbitMQ does, into the dead letters after delivery limit + 1."""
    spent = db.execute(
        "SELECT 1 FROM message m JOIN queue q ON q.name = m.queue WHERE m.id = ? AND m.deliveries > q.delivery_limit",
        (id_,),
    ).fetchone()
    if spent:
        bury(db, id_, "delivery_limit")
    else:
        db.execute("UPDATE message SET owner = NULL WHERE id = ?", (id_,))
