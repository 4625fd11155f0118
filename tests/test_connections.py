"""A database without a connection left is waited for; one that is not there is not. Nobody keeps what is not used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import psycopg
import pytest
import sqlalchemy.exc
from psycopg import OperationalError
from sqlalchemy import Engine, event, text

import db
from db import engines, pool
from db.pool import ElasticPool
from tests.fixtures import Configure
from tests.sandboxes import wait_until
from tests.services.session import Services

FULL = "FATAL:  sorry, too many clients already"


class Server:
    """Says these things, one a try, then lets in."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.tries = list(answers), 0

    def connect(self) -> object:
        self.tries += 1
        if self.answers:
            raise OperationalError(self.answers.pop(0))
        return Connection()


class Connection:
    closed = False

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def pool_of(server: Server) -> ElasticPool:
    return ElasticPool(server.connect, pool_size=3, max_overflow=0, use_lifo=True, timeout=0.2)


@pytest.mark.parametrize(
    "words", [FULL, "FATAL:  remaining connection slots are reserved for ...", "no more connections allowed"]
)
def test_a_full_server_is_asked_again_until_it_has_room(words: str) -> None:
    server = Server(words, words)
    assert isinstance(pool_of(server).connect().dbapi_connection, Connection)
    assert server.tries == 3


def test_a_server_that_is_full_for_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CROWDED", 0.2)
    server = Server(*[FULL] * 100)
    with pytest.raises(OperationalError, match="too many clients"):
        pool_of(server).connect()
    assert 2 <= server.tries <= 6


def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    server = Server("connection refused")
    with pytest.raises(OperationalError, match="refused"):
        pool_of(server).connect()
    assert server.tries == 1


def test_who_finds_the_server_full_takes_what_comes_back_to_its_own_pool() -> None:
    server = Server()
    mine = pool_of(server)
    first = mine.connect()
    server.answers = [FULL] * 1000
    threading.Timer(0.3, first.close).start()
    began = time.monotonic()
    second = mine.connect()
    assert 0.2 < time.monotonic() - began < 2
    assert len(server.answers) > 990, "it asked again, and not all the time"
    second.close()


def test_what_is_idle_is_closed_and_what_was_used_last_is_taken_first(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = pool_of(Server())
    event.listen(mine, "checkin", pool.note_use)
    held = [mine.connect() for _ in range(3)]
    connections = [one.dbapi_connection for one in held]
    held[0].close()
    held[1].close()
    time.sleep(0.2)
    held[2].close()
    assert mine.close_idle(0.1) == 2
    assert [cast(Connection, one).closed for one in connections] == [True, True, False]
    assert (mine.checkedin(), mine.checkedout()) == (1, 0)
    again = [mine.connect() for _ in range(3)]  # there is room for as many as before
    assert again[0].dbapi_connection is connections[2]
    with pytest.raises(sqlalchemy.exc.TimeoutError):
        mine.connect()


def test_a_connection_that_rested_is_asked_first_and_replaced_when_it_is_gone(
    services: Services, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url)
        monkeypatch.setattr(engines, "RESTED", 0.0)
        first = backend()
        services.postgresql.execute(f"SELECT pg_terminate_backend({first})")
        assert backend() != first
        db.engine().dispose()


def test_a_connection_used_just_now_is_not_asked_and_the_engine_tries_again(
    services: Services, configure: Configure
) -> None:
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url)
        first = backend()
        services.postgresql.execute(f"SELECT pg_terminate_backend({first})")
        assert db.in_transaction(lambda session: session.scalar(text("SELECT pg_backend_pid()"))) != first
        db.engine().dispose()


@pytest.fixture
def small(services: Services, configure: Configure) -> Iterator[Callable[[int], None]]:
    """A database that lets our role have this many connections at most."""
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url, DATABASE_CONNECTIONS="6")
        name = url.rpartition("/")[2].partition("?")[0]

        def limit(most: int) -> None:
            services.postgresql.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT {most}')

        yield limit
        db.engine().dispose()


def test_after_the_load_the_places_are_free_for_others(
    small: Callable[[int], None], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE", 0.4)
    with ExitStack() as busy:
        for _ in range(6):
            busy.enter_context(db.transaction()).execute(text("SELECT 1"))
        assert opened(services) == 6
    wait_until(lambda: opened(services) == 0, seconds=5, what="all six to be closed")
    assert backend() > 0


def test_how_many_the_server_has_room_for_is_said_by_the_server(small: Callable[[int], None]) -> None:
    with db.reading() as session:
        whole = pool.room(session)
        assert int(session.scalar(text("SHOW max_connections")) or 0) - 10 < whole.most
        assert 1 <= whole.open <= whole.most
    small(7)
    with db.reading() as session:
        assert pool.room(session).most == 7
    assert pool.shortage(2, 3, 7) is None
    assert pool.shortage(3, 3, 7) == (
        "3 processes may open 9 connections, the server has room for 7: DATABASE_CONNECTIONS=2 would fit"
    )
    assert pool.shortage(8, 3, 7) == (
        "8 processes may open 24 connections, the server has room for 7: raise its max_connections"
    )


def opened(services: Services) -> int:
    """Of this test's database, as somebody else sees it."""
    name = db.engine().url.database
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    with psycopg.connect(
        services.postgresql.url.set(drivername="postgresql").render_as_string(hide_password=False)
    ) as line:
        ((count,),) = line.execute(query.encode()).fetchall()
    return int(count)


def backend() -> int:
    with db.transaction() as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)


def test_threads_that_ask_at_once_share_one_pool(configure: Configure, tmp_path: Path) -> None:
    """A second one would be nobody's, and its connections open for ever."""
    configure(DATABASE_URL=f"sqlite:///{tmp_path}/shop.db")
    together = threading.Barrier(8)

    def ask(_: int) -> Engine:
        together.wait()
        return db.engine()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
