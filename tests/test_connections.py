"""A database that has no connection left is waited for; one that is not there is not."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from psycopg import OperationalError
from sqlalchemy import text

import db
from tests.fixtures import Configure
from tests.services.session import Services


class Server:
    """Says these things, one a try, then lets in."""

    loaded_dbapi = SimpleNamespace(OperationalError=OperationalError)

    def __init__(self, *answers: str) -> None:
        self.answers, self.tries = list(answers), 0

    def connect(self, *_: object, **__: object) -> str:
        self.tries += 1
        if self.answers:
            raise OperationalError(self.answers.pop(0))
        return "connected"


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Server]:
    def make(*answers: str) -> Server:
        server = Server(*answers)
        monkeypatch.setattr(db, "Line", server)
        return server

    return make


def test_a_full_server_is_asked_again_until_it_has_room(says: Callable[..., Server]) -> None:
    server = says("FATAL:  sorry, too many clients already", "FATAL:  remaining connection slots are reserved for ...")
    assert db._connect(server, None, (), {}) == "connected"
    assert server.tries == 3


def test_a_server_that_is_full_for_long_is_an_error(
    says: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "CROWDED", 0.2)
    server = says(*["FATAL:  sorry, too many clients already"] * 100)
    with pytest.raises(OperationalError, match="too many clients"):
        db._connect(server, None, (), {})
    assert 2 <= server.tries <= 6


def test_a_server_that_is_not_there_is_an_error_at_once(says: Callable[..., Server]) -> None:
    server = says("connection refused")
    with pytest.raises(OperationalError, match="refused"):
        db._connect(server, None, (), {})
    assert server.tries == 1


def test_a_connection_that_rested_is_asked_first_and_replaced_when_it_is_gone(
    services: Services, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.postgresql.database() as url:
        configure(DATABASE_URL=url)
        monkeypatch.setattr(db, "RESTED", 0.0)
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


def backend() -> int:
    with db.transaction() as session:
        return int(session.scalar(text("SELECT pg_backend_pid()")) or 0)
