"""An app over an empty database, and people who use it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.app import SERVICES
from engine import plans
from tests.api.bank import bank, sent  # noqa: F401 - fixtures
from tests.api.hooks import door  # noqa: F401 - a fixture
from tests.api.people import People, Person
from tests.fixtures import Configure, Database

PLENTY = "100000 per minute"
LIMITS = ("RATE_LIMIT", "LOGIN_LIMIT", "ACCOUNT_LIMIT", "REGISTER_LIMIT", "MAIL_LIMIT")


@pytest.fixture
def app(database: Database, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Every service, and `/probe` to try the frame with. Nobody is limited."""
    monkeypatch.setitem(SERVICES, "probe", ("tests.api.probe",))
    plans.forget()  # the tables are empty again
    configure(**dict.fromkeys(LIMITS, PLENTY))
    return create_app()


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
