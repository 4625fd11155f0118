"""Connections to PostgreSQL that notice when the server is gone.

A machine was unplugged, a firewall forgot the connection: TCP reports nothing for hours, and libpq waits as long. But a
statement may also take long, so a connection that receives nothing asks the server, over another, what it is doing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow

SILENCE = 4.0  # seconds without a byte until the server is asked
ANSWER = 3  # seconds that connecting may take, and each statement of a ProbeConnection
LONGEST = 60.0  # seconds of silence at most where the server does not know our backend's pid (a pooler gives its own)
# A process that vanished or froze within a transaction must not keep its locks until the server's TCP notices.
OPTIONS = "-c idle_in_transaction_session_timeout=5s"

FULL = ("too many clients", "connection slots", "too many connections", "no more connections allowed")
LOOK = """
SELECT pid, CASE wait_event WHEN 'ClientWrite' THEN 'answering, and nothing arrives' ELSE state END
FROM pg_stat_activity WHERE usename = current_user AND state IS NOT NULL
"""

Backends = dict[int, str]
"""The states of the server's backends by their pids: "active", "idle in transaction" and so on."""


class WatchedConnection(psycopg.Connection[TupleRow]):
    """A connection whose wait for a server that is not at work on its statement ends with OperationalError."""

    where: dict[str, Any]

    @classmethod
    def connect(cls, conninfo: str = "", **given: Any) -> Self:
        given = {"connect_timeout": ANSWER, "options": OPTIONS, **given}
        made = super().connect(conninfo, **given)
        made.where = {"conninfo": conninfo, **given}
        return made

    def wait(self, gen: Generator[Any, Any, Any], *more: Any, **named: Any) -> Any:
        return super().wait(self._listening(gen), *more, **named)

    def _listening(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass on what psycopg waits for, and ask the server after SILENCE.

        psycopg resumes this ten times a second, also when no byte has come.
        """
        asked = heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    asked = heard = now
                elif now - asked > SILENCE:
                    self._ask(now - heard)
                    asked = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _ask(self, silent: float) -> None:
        backends = _probe.ask(self.where)
        doing = "gone" if backends is None else backends.get(self.pgconn.backend_pid, "unknown")
        if doing == "active" or (doing == "unknown" and silent < LONGEST):
            return
        self.pgconn.finish()
        raise psycopg.OperationalError(f"the server has been silent for {silent:.0f} s ({doing})")


class ProbeConnection(psycopg.Connection[TupleRow]):
    """A connection whose every statement times out after ANSWER seconds; it asks `pg_stat_activity`."""

    def wait(self, gen: Generator[Any, Any, Any], *more: Any, **named: Any) -> Any:
        return super().wait(gen, *more, **{**named, "timeout": ANSWER})


class BackendProbe:
    """Asks for the states of the backends, one thread at a time.

    Threads that waited meanwhile share the answer: one connection more, not twenty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0.0
        self._answer: Backends | None = None

    def ask(self, where: dict[str, Any]) -> Backends | None:
        """Return what each backend of our role is doing; None: the server does not answer, {}: it is full."""
        came = time.monotonic()
        with self._lock:
            if self._at < came:
                self._answer, self._at = _look(where), time.monotonic()
            return self._answer


def _look(where: dict[str, Any]) -> Backends | None:
    try:
        with ProbeConnection.connect(**{**where, "autocommit": True}) as connection:
            return dict(connection.execute(LOOK).fetchall())
    except psycopg.OperationalError as error:
        return {} if is_full(error) else None


def is_full(error: Exception) -> bool:
    """Return whether the server refused a connection because it has none left. libpq gives no SQLSTATE here."""
    return any(words in str(error) for words in FULL)


_probe = BackendProbe()


def _new_probe() -> None:
    global _probe
    _probe = BackendProbe()  # the parent's lock may be held, by a thread that the child does not have


os.register_at_fork(after_in_child=_new_probe)
