"""No sequence of commands, refusals and an operator's acts locks money, stock, credit or a coupon."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

import engine.dispatch
import gateways.channels.email
import gateways.payments
import logs
from gateways.mail import Mail
from shop.payments import methods as payment_methods
from tests.fixtures import Database
from tests.money.bank import Bank
from tests.money.story import AnOrder

SAMPLE = {"sqlite": 30, "postgresql": 20}  # stories told by `make test`, the same ones every time
MANY = os.environ.get("SEQUENCES")  # by `make sequences`: others each time, unless SEQUENCES_SEED says which
STEPS = 14


class Postman:
    def send(self, mail: Mail) -> None:
        """It arrives."""


@pytest.fixture
def use_bank(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Bank], None]]:
    """Which bank the story's workers talk to. Nobody sends messages: whoever works is told to."""
    found: list[Bank] = [Bank()]
    monkeypatch.setattr(gateways.payments, "payments", lambda: found[0])
    monkeypatch.setattr(gateways.channels.email, "mailer", Postman)
    monkeypatch.setattr(engine.dispatch, "_take", lambda parcels: None)
    monkeypatch.setattr(payment_methods, "is_captured_later", payment_methods.is_captured_later)
    monkeypatch.setenv("PAYMENT_RETRY_MINUTES", "0")
    logs.configure("WARNING")
    logging.disable()
    yield lambda bank: found.__setitem__(0, bank)
    logging.disable(logging.NOTSET)


def test_p16_nothing_is_locked_whatever_is_done_in_whatever_order(
    use_bank: Callable[[Bank], None], database: Database
) -> None:
    def told() -> AnOrder:
        return AnOrder(use_bank)

    if MANY:
        first = int(os.environ.get("SEQUENCES_SEED", random.randrange(10**6)))
        print(f"seed {first}")
        seed(first)(told)
    run_state_machine_as_test(
        told,
        settings=settings(
            derandomize=not MANY,
            database=None,
            max_examples=int(MANY) if MANY else SAMPLE[database.kind],
            stateful_step_count=STEPS,
            phases=(Phase.generate, Phase.shrink),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
