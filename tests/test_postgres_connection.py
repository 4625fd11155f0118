"""A server that is silent: whoever waits for it finds out, and leaves one that only works long in peace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from db import postgres_connection
from db.postgres_connection import WatchedConnection
from tests.proxy import Proxy
from tests.sandboxes import wait_until
from tests.services.session import Services

Open = Callable[[], WatchedConnection]


@pytest.fixture
def proxy(services: Services) -> Iterator[Proxy]:
    with Proxy.before(services.postgresql.url.render_as_string()) as proxy:
        yield proxy


@pytest.fixture
def line(proxy: Proxy, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens one, through the proxy. Everybody is impatient."""
    monkeypatch.setattr(postgres_connection, "SILENCE", 0.5)
    monkeypatch.setattr(postgres_connection, "ANSWER", 2)
    with services.postgresql.database() as text:
        url, opened = make_url(text), list[WatchedConnection]()
        where: dict[str, Any] = {"host": url.host, "port": proxy.port, "user": url.username, "dbname": url.database}

        def make() -> WatchedConnection:
            opened.append(WatchedConnection.connect(**where, password=url.password))
            return opened[-1]

        yield make
        for one in opened:
            one.close()


@pytest.mark.parametrize("ask", ["SELECT 1", "COMMIT"])
def test_a_black_hole_is_noticed_by_a_statement_and_by_a_commit(line: Open, proxy: Proxy, ask: str) -> None:
    ours = line()
    ours.execute("SELECT 1")
    proxy.mode("swallow")
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="silent"):
        ours.commit() if ask == "COMMIT" else ours.execute(ask)
    assert time.monotonic() - began < 5
    assert ours.closed


def test_a_line_that_leads_nowhere_is_noticed_although_the_server_is_well(line: Open, proxy: Proxy) -> None:
    ours = line()
    ours.execute("SELECT 1")
    proxy.mode("half_open")
    with pytest.raises(psycopg.OperationalError, match="idle in transaction"):
        ours.execute("SELECT 1")
    assert line().execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_is_stuck_in_its_answer_is_not_at_work(line: Open) -> None:
    """It calls itself active for as long as its TCP has hope."""
    deaf = line()
    number = deaf.info.backend_pid
    deaf.pgconn.send_query(b"SELECT repeat('x', 1000000) FROM generate_series(1, 100)")
    wait_until(
        lambda: "nothing arrives" in (postgres_connection._look(deaf.where) or {}).get(number, ""),
        what="it to be stuck",
    )


def test_whoever_comes_while_it_is_silent_is_told_so(line: Open, proxy: Proxy) -> None:
    proxy.mode("swallow")
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        line()
    assert time.monotonic() - began < 5


def test_a_statement_that_takes_long_is_waited_for(line: Open) -> None:
    assert line().execute("SELECT 1 FROM pg_sleep(2)").fetchone() == (1,)


def test_a_lock_is_waited_for(line: Open) -> None:
    holder, waiter = line(), line()
    holder.execute("CREATE TABLE things (id int)")
    holder.commit()
    holder.execute("LOCK things")
    holding = threading.Thread(target=_work_and_commit, args=(holder,))
    holding.start()
    assert waiter.execute("SELECT count(*) FROM things").fetchone() == (0,)
    holding.join()


def _work_and_commit(holder: WatchedConnection) -> None:
    holder.execute("SELECT pg_sleep(2)")
    holder.commit()


def test_whoever_vanishes_in_the_middle_of_a_transaction_keeps_nothing_for_long(line: Open) -> None:
    assert line().execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5s",)
