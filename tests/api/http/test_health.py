"""What a load balancer is told, and how soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import wait

import pytest
from flask.testing import FlaskClient

from api.http import health
from tests.fixtures import Configure, Database


@pytest.fixture(autouse=True)
def _fresh_look(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> Iterator[None]:
    looker = health._Looker()
    monkeypatch.setattr(health, "_looker", looker)
    yield
    wait(looker._looking.values(), timeout=10)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)
        yield f"127.0.0.1:{hole.getsockname()[1]}"


def test_alive_needs_nobody(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


def test_ready_names_what_it_leans_on(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "ok"
    assert {name: check["state"] for name, check in answer.json["checks"].items()} == {
        "database": "ok",
        "broker": "ok",
        "cache": "in process",
    }


def test_a_silent_broker_is_found_within_a_second_and_orders_are_taken_still(
    client: FlaskClient, black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import Celery

    monkeypatch.setattr(health, "celery", Celery("test", broker=f"amqp://guest:guest@{black_hole}//"))
    for _ in range(2):
        began = time.monotonic()
        answer = client.get("/readyz")
        assert time.monotonic() - began < 1.5
        assert (answer.status_code, answer.json["status"]) == (200, "degraded")
        assert answer.json["checks"]["broker"]["state"] in ("timeout", "down")
        assert answer.json["checks"]["database"]["state"] == "ok"


def test_a_dead_cache_degrades(client: FlaskClient, configure: Configure) -> None:
    configure(REDIS_URL="redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["checks"]["cache"]["state"]) == (200, "down")


def test_without_the_database_nothing_is_ready(client: FlaskClient, configure: Configure) -> None:
    configure(DATABASE_URL="sqlite:////nowhere/at/all.db")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "unavailable"
    assert answer.json["checks"]["database"]["state"] == "down"
    assert "nowhere" not in answer.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has no such limit
def test_whether_all_connections_fit_is_told_with_the_database(
    client: FlaskClient, database: Database, configure: Configure
) -> None:
    configure(DATABASE_URL=database.url, DATABASE_CONNECTIONS="10")
    told = client.get("/readyz").json["checks"]["database"]
    assert told.keys() == {"state", "ms", "connections"}
    assert 1 <= told["connections"]["open"] <= told["connections"]["most"]
    configure(DATABASE_URL=database.url, DATABASE_CONNECTIONS="10", DATABASE_PROCESSES="5000")
    told = client.get("/readyz").json["checks"]["database"]
    assert (told["state"], told["connections"]["may_open"]) == ("ok", 50_000)
    assert told["warning"].startswith("5000 processes may open 50000 connections, the server has room for ")
