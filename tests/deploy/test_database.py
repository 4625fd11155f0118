"""Before anything is started: the database is waited for, and it is said whether it has room for all of us."""

from __future__ import annotations

import os
import threading

import pytest

import config
import db
from deploy.database import await_database, count_connections
from deploy.startup_checks import Refused
from tests.fixtures import Configure
from tests.proxy import Proxy
from tests.services.session import Services


def test_a_database_that_starts_after_us_is_waited_for_and_told_of_once(
    services: Services, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    with services.postgresql.database() as url, Proxy.before(url) as proxy:
        configure(DATABASE_URL=proxy.url(url))
        proxy.mode("refuse")
        waiting = threading.Thread(target=await_database)
        waiting.start()
        waiting.join(2.5)
        assert waiting.is_alive()
        proxy.mode("pass")
        waiting.join(20)
        assert not waiting.is_alive()
        db.engine().dispose()
    assert capsys.readouterr().out.count("is not there, is waited for") == 1


def test_an_address_that_will_never_do_is_not_waited_for(services: Services, configure: Configure) -> None:
    with services.postgresql.database() as url:
        configure(DATABASE_URL=f"{url}_of_nobody")
        with pytest.raises(Refused, match=r"(?s)DATABASE_URL can not be used.*does not exist"):
            await_database()
        db.engine().dispose()
    configure(DATABASE_URL="sqlite:////nowhere/at/all.db")
    with pytest.raises(Refused, match="unable to open database file"):
        await_database()


@pytest.mark.parametrize(
    ("each", "said"),
    [("2", "6 processes may open 12 connections, the server has room for"), ("5000", "6 processes may open 30000")],
)
def test_it_is_said_how_many_connections_may_be_opened_and_whether_they_fit(
    services: Services, configure: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    each: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.delenv("DATABASE_PROCESSES", raising=False)
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url, DATABASE_CONNECTIONS=each, REDIS_URL="")
        count_connections(config.settings())
        db.engine().dispose()
    out = capsys.readouterr().out
    assert said in out
    assert ("DATABASE_CONNECTIONS=" in out) == (each == "5000")
    assert os.environ.pop("DATABASE_PROCESSES") == "6"


def test_on_sqlite_there_is_nothing_to_be_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PROCESSES", "1")
    await_database()
    count_connections(config.settings())
    assert capsys.readouterr().out == ""
