"""The database: one engine a process, and `transaction()`, the only commit in the program."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

import guards
import wal
from config import settings
from lines import Line
from pool import CROWDED, ElasticPool, keep_small, note_use

T = TypeVar("T")

RESTED = 1.0  # seconds without use after which a connection is asked whether it still stands
TROUBLE = (OperationalError, InterfaceError, TimeoutError)  # the database's own, and no fault of what was asked of it


_engines: dict[int, Engine] = {}
_making = threading.Lock()


def engine() -> Engine:
    """The pool of this process; a forked child makes its own."""
    return _engines.get(os.getpid()) or _make_engine()


def _make_engine() -> Engine:
    with _making:  # two threads at once would make two, and nobody would ever close the one of them
        if os.getpid() not in _engines:
            url = settings().database_url
            _engines[os.getpid()] = _sqlite(url) if url.startswith("sqlite") else _postgresql(url)
        return _engines[os.getpid()]


def forget_engine(*, close: bool = True) -> None:
    """Close the pool of this process, if it has one; the next who asks makes another, by the settings of then.

    close: False leaves the sockets alone: after a fork they belong to the parent.
    """
    for made in _engines.values():
        made.dispose(close=close)
    _engines.clear()


def _postgresql(url: str) -> Engine:
    size = settings().database_connections
    # Last in, first out: the connection that was used a moment ago has its statements prepared, and needs no ping.
    sizes: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "pool_use_lifo": True, "pool_timeout": CROWDED}
    made = create_engine(url, poolclass=ElasticPool, **sizes, hide_parameters=True)
    event.listen(made, "do_connect", _connect)
    event.listen(made, "checkin", note_use)
    event.listen(made, "checkout", _ping_if_rested(made.dialect))
    keep_small(cast(ElasticPool, made.pool))
    return made


def _ping_if_rested(dialect: Dialect) -> Callable[[Any, Any, Any], None]:
    """The server may have gone while a connection rested. One used just now finds out by itself, and is tried again."""

    def ping(connection: Any, record: Any, _: Any) -> None:
        now = time.monotonic()
        if now - record.info.get("used", now) < RESTED:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    return ping


def _connect(_: Any, __: Any, arguments: Any, options: Any) -> Any:
    return Line.connect(*arguments, **options)


def _sqlite(url: str) -> Engine:
    made = create_engine(url, pool_size=10, max_overflow=40, connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    if file := _file_of(made):
        with suppress(OSError):  # no such folder, no room: SQLite says so to whoever asks it for something
            guards.private_file(file)
        wal.keep_short(made, file)
    return made


def _file_of(made: Engine) -> Path | None:
    name = made.url.database or ":memory:"
    return None if name.startswith((":memory:", "file:")) else Path(name)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """What is deleted is overwritten, and its log is emptied: a token that has served is on no disk (see `wal`)."""
    connection.isolation_level = None  # BEGIN is ours to say
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "secure_delete=ON")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    """A writer takes the lock first: a read that turns into a write could not wait for it."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _forget_after_fork() -> None:
    _making.release()
    forget_engine(close=False)


os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_forget_after_fork)


@contextmanager
def transaction() -> Iterator[Session]:
    """All or nothing. What must leave after the commit goes through `at_commit`."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        session.commit()


def at_commit(session: Session, deliver: Callable[[list[Any]], object], things: Iterable[Any]) -> None:
    """Give these things to `deliver` once the transaction is committed, all in one call; never after a rollback.

    The end of a savepoint is no commit; one that is rolled back takes everything with it, which the sweep mends.
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
    """Look, change nothing: no write lock on SQLite, no transaction round trips on PostgreSQL."""
    options: dict[str, Any] = {"reading": True}
    if not settings().on_sqlite:
        options["isolation_level"] = "AUTOCOMMIT"
    with Session(engine().execution_options(**options)) as session:
        yield session


def in_transaction(work: Callable[[Session], T], tries: int = 5) -> T:
    """Run `work` in a transaction and again when the database asks for it (deadlock, lock, lost connection).

    `work` must be safe to repeat even if its COMMIT's answer was lost: everything that the engine does
    is, because a claim finds only what still stands at its step.
    """
    for turn in range(1, tries + 1):
        try:
            with transaction() as session:
                return work(session)
        except DBAPIError as error:
            if turn == tries or not _passing(error):
                raise
            time.sleep(0.02 * 2**turn)
    raise AssertionError("unreachable")


def is_away(error: Exception) -> bool:
    """Whether the database could not be reached at all, so that asking again at once would only add to it."""
    if isinstance(error, TimeoutError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and state is None and not _passing(error)


def clashed(error: DBAPIError) -> bool:
    """Deadlock, serialization failure, a lock not had in time, a process that slept: nothing was committed."""
    state = getattr(error.orig, "sqlstate", None)
    return slept(error) or state in ("40P01", "40001", "55P03") or "database is locked" in str(error)


def slept(error: DBAPIError) -> bool:
    """The process stood still in a transaction, so long that the server had ended it when it went on."""
    return getattr(error.orig, "sqlstate", None) == "25P03"


def _passing(error: DBAPIError) -> bool:
    """A clash, or a server that went away."""
    return error.connection_invalidated or clashed(error)
