"""PostgreSQL: the one that DATABASE_URL names, one that listens here, or a private cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import URL, make_url

from tests.services import GIVEN, NAME
from tests.services.cluster import Cluster


@dataclass
class Server:
    """A server on which the tests may create databases. `stop` removes it if it is private."""

    url: URL
    stop: Callable[[], None]
    made: int = 0

    @contextmanager
    def database(self, *, durable: bool = True) -> Iterator[str]:
        """Create an empty database, yield its SQLAlchemy URL, and drop it at the end."""
        self.made += 1
        name = f"{NAME}_{self.made}"
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
        if not durable:  # what is lost with the server may be lost: three times as many tests a second
            self.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        try:
            yield self.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, *statements: str) -> None:
        with _connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextmanager
def server() -> Iterator[Server]:
    """Yield a running server or a private one. Raises Missing without either."""
    found = _running() or _private()
    try:
        yield found
    finally:
        found.stop()


def _running() -> Server | None:
    for url in _candidates():
        try:
            with _connect(url) as connection:
                row = connection.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
        except psycopg.OperationalError:
            continue  # no server there, or one that refuses us: the next one
        if row and row[0]:
            return Server(url, lambda: None)
    return None


def _candidates() -> list[URL]:
    here = make_url("postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
    given = [make_url(GIVEN["DATABASE_URL"])] if GIVEN["DATABASE_URL"].startswith("postgresql") else []
    return [*given, here]


def _connect(url: URL) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password,
        dbname=url.database, autocommit=True, connect_timeout=3,
    )  # fmt: skip


def _private() -> Server:
    cluster = Cluster()
    cluster.start()
    return Server(cluster.url, cluster.remove)
