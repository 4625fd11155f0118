"""Other clients that take every connection of the database, so that the shop gets none."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import psycopg
from sqlalchemy import URL

OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> %s
"""
NAME = "crowd"


class Crowd:
    """Takes all connections during a block: it ends those of others, and takes each one that becomes free."""

    def __init__(self, url: URL) -> None:
        self._where = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
        self._crowd: list[psycopg.Connection[tuple[object, ...]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._push_in, daemon=True)

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for one in self._crowd:
            one.close()

    def _push_in(self) -> None:
        while not self._over.is_set():
            with suppress(psycopg.OperationalError):  # full: others still have connections
                while not self._over.is_set():
                    self._crowd.append(self._come())
            self._crowd[0].execute(OTHERS, (NAME,))
            time.sleep(0.02)

    def _come(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(**self._where, autocommit=True, application_name=NAME, connect_timeout=3)  # type: ignore[arg-type]
