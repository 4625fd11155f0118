"""An app over an empty database, and people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from functools import cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.app import SERVICES
from api.catalogue import cache as catalogue_cache
from api.http import health
from api.http.rate_limits import limiter
from config import settings
from engine import breaker
from tests.api.bank import bank, sent  # noqa: F401 - fixtures
from tests.api.clients import People, Person
from tests.api.staff_view import later_on, well  # noqa: F401 - fixtures
from tests.api.webhook_receiver import door  # noqa: F401 - a fixture
from tests.fixtures import Configure, Database

PLENTY = "100000 per minute"
LIMITS = ("RATE_LIMIT", "LOGIN_LIMIT", "ACCOUNT_LIMIT", "REGISTER_LIMIT", "MAIL_LIMIT")


@pytest.fixture
def app(database: Database, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Every service, and `/probe` to try the frame with. Nobody is limited."""
    monkeypatch.setitem(SERVICES, "probe", ("tests.api.probe",))
    breaker.forget()
    configure(**dict.fromkeys(LIMITS, PLENTY))
    said = settings()
    app, counting = _app(
        *(said.services, said.cors_origins, said.trusted_proxies, said.public_url, said.jwt_secret),
        *(said.redis_url, said.queue_prefix, said.log_level),
    )
    vars(limiter).update(counting)
    catalogue_cache.init_app(app)  # what it kept is of another database
    return app


@cache
def _app(*_read_when_it_is_made: object) -> tuple[Flask, dict[str, Any]]:
    """To make one takes as long as a dozen requests. With it how it counts, which is that of the app made last."""
    return create_app(), dict(vars(limiter))


@pytest.fixture(autouse=True)
def _looks_are_over(configure: Configure) -> Iterator[None]:
    """What `/readyz` has begun to look at has its answer before the database that it looks at is forgotten."""
    yield
    wait(health._looker._looking.values(), timeout=10)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def people(app: Flask) -> People:
    return People(app)


@pytest.fixture
def ada(people: People) -> Person:
    """A customer."""
    return people.join("Ada")


@pytest.fixture
def sam(people: People) -> Person:
    """Of the staff."""
    return people.join("Sam", role="staff")
