"""The database: `transaction()` is the only commit in the program; `reading()` only reads.

What statements are made of lies beside it: `schema`, `functions`, `statements` and `bulk`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config import settings
from db.engines import engine, forget_engine
from db.errors import TROUBLE, clashed, is_away, may_pass, slept

__all__ = [
    "TROUBLE",
    "at_commit",
    "clashed",
    "engine",
    "forget_engine",
    "in_transaction",
    "is_away",
    "reading",
    "slept",
    "transaction",
]

T = TypeVar("T")


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a transaction, which is committed at the end of the block and rolled back by an exception.

    What must leave the process only after the commit goes through `at_commit`. On SQLite the block holds the write lock
    from its start. Rows stay readable after the commit, without being read anew.
    """
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()


def at_commit(session: Session, deliver: Callable[[list[Any]], object], things: Iterable[Any]) -> None:
    """Have `deliver` called with these things once the transaction is committed, all in one call; not after a rollback.

    The end of a savepoint is no commit. The rollback of a savepoint drops the things of the whole transaction, also
    those added before it: what is delivered here must be something that the sweep or a later look makes up for.
    """
    session.info.setdefault("at_commit", defaultdict(list))[deliver].extend(things)


@event.listens_for(Session, "after_commit")
def _deliver(session: Session) -> None:
    if not session.in_nested_transaction():
        for deliver, things in session.info.pop("at_commit", {}).items():
            deliver(things)


@event.listens_for(Session, "after_rollback")
def _withhold(session: Session) -> None:
    session.info.pop("at_commit", None)


@contextmanager
def reading() -> Iterator[Session]:
    """Open a session that only reads: no write lock on SQLite, no transaction on PostgreSQL.

    On PostgreSQL each statement sees the newest commits, so two statements need not agree. Writes must not be made.
    """
    options: dict[str, Any] = {"reading": True}
    if not settings().on_sqlite:
        options["isolation_level"] = "AUTOCOMMIT"
    with Session(engine().execution_options(**options)) as session:
        yield session


def in_transaction(work: Callable[[Session], T], tries: int = 5) -> T:
    """Call `work` in a transaction, again after a deadlock, a lock not had in time or a lost connection.

    Returns what `work` returned. Raises the DBAPIError of the last try, and any other exception at once.
    `work` must be safe to repeat even if its COMMIT's answer was lost: everything that the engine does
    is, because a claim finds only what still stands at its step.
    """
    for turn in range(1, tries + 1):
        try:
            with transaction() as session:
                return work(session)
        except DBAPIError as error:
            if turn == tries or not may_pass(error):
                raise
            time.sleep(0.02 * 2**turn)
    raise AssertionError("unreachable")
