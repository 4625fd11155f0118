"""A stocked shop whose bank and mail server answer in process, as the benchmarks have it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gateways.mail
import gateways.payments
from benchmarks import shopping
from benchmarks.ground import Ground
from benchmarks.peers import database as peers
from tests.fixtures import Configure, Database

QUICK = {"PAYMENT_PROVIDER": "instant", "SMTP_URL": "discard:"}


@pytest.fixture
def here(database: Database, configure: Configure) -> Iterator[Ground]:
    """The ground to ask; what runs in this process writes on it."""
    configure(**QUICK, DATABASE_URL=database.url)
    _forget()
    shopping.stock_up()
    ground = Ground("test", {**QUICK, "DATABASE_URL": database.url})
    yield ground
    ground.close()
    peers.engine().dispose()
    _forget()


def _forget() -> None:
    for kept in (peers.engine, gateways.payments.payments, gateways.mail.mailer):
        kept.cache_clear()
