from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

import config
from config import checks
from gateways.payments import Intent, UnknownProvider, payments
from gateways.payments.instant import InstantPayments
from gateways.payments.sandbox import SandboxPayments
from gateways.payments.stripe_gateway import StripePayments


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    for cached in (config.settings, payments):
        cached.cache_clear()
    yield
    for cached in (config.settings, payments):
        cached.cache_clear()


@pytest.mark.parametrize(("name", "kind"), [("sandbox", SandboxPayments), ("instant", InstantPayments)])
def test_one_line_of_environment_chooses_the_provider(monkeypatch: pytest.MonkeyPatch, name: str, kind: type) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", name)
    assert type(payments()) is kind
    assert payments() is payments()


def test_the_instant_bank_takes_the_time_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "instant")
    monkeypatch.setenv("INSTANT_BANK_MS", "30")
    begun = time.perf_counter()
    payments().charge(Intent(1000, "EUR", "tok_ok", "order"), key="order:charge_payment")
    assert time.perf_counter() - begun >= 0.03


STRIPE = {"PAYMENT_PROVIDER": "stripe", "STRIPE_SECRET_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}


def test_stripe_needs_two_secrets_and_none_of_the_banks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**STRIPE, "ORDERWAVE_ENV": "production", "JWT_SECRET": "long-enough" * 4}.items():
        monkeypatch.setenv(name, value)
    assert type(payments()) is StripePayments
    assert "sk_test_x" not in repr(config.settings())
    assert "whsec_x" not in repr(config.settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "pk_test_published"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "sk_test_x"),
    ],
)
def test_a_missing_or_mistaken_secret_is_told_of_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for known, good in {**STRIPE, name: value}.items():
        monkeypatch.setenv(known, good)
    with pytest.raises(checks.InsecureSetting, match=name) as told:
        config.settings()
    assert not value or value not in str(told.value)


def test_stripe_without_its_sdk_is_told_of_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STRIPE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    with pytest.raises(checks.MissingExtra, match=r"deploy/install\.sh"):
        config.settings()


@pytest.mark.parametrize(
    ("base", "fine"), [("http://stripe.example", False), ("https://stripe.example", True), ("", True)]
)
def test_in_production_the_secret_key_is_sent_only_over_tls(
    monkeypatch: pytest.MonkeyPatch, base: str, fine: bool
) -> None:
    production = {"ORDERWAVE_ENV": "production", "JWT_SECRET": "long-enough" * 4, "STRIPE_API_BASE": base}
    for name, value in {**STRIPE, **production}.items():
        monkeypatch.setenv(name, value)
    with nullcontext() if fine else pytest.raises(checks.InsecureSetting, match="STRIPE_API_BASE"):
        assert config.settings().stripe_api_base == (base or None)


def test_an_unknown_provider_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "paypall")
    with pytest.raises(UnknownProvider, match="'paypall'"):
        payments()


def test_production_does_not_pay_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "instant")
    monkeypatch.setenv("ORDERWAVE_ENV", "production")
    for name in ("BANK_KEY", "BANK_WEBHOOK_SECRET", "JWT_SECRET"):
        monkeypatch.setenv(name, "long-enough-for-production-" * 2)
    with pytest.raises(checks.InsecureSetting, match="instant"):
        payments()


def test_a_forked_child_makes_a_gateway_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "sandbox")
    mine = payments()
    child = os.fork()
    if child == 0:
        os._exit(0 if payments() is not mine else 1)
    assert os.waitpid(child, 0)[1] == 0
