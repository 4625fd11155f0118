"""Payments: `payments()` returns the gateway of this process, by the setting PAYMENT_PROVIDER."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module

import config
from config import checks
from gateways.payments.contract import BadSignature, Entry, Event, Intent, Page, PaymentGateway, Receipt
from gateways.payments.instant import InstantPayments
from gateways.payments.sandbox import SandboxPayments
from gateways.payments.transfers import IncomingTransfers, Transfer, TransferPage

__all__ = [
    "PAYMENT_PROVIDER",
    "BadSignature",
    "Entry",
    "Event",
    "IncomingTransfers",
    "Intent",
    "Page",
    "PaymentGateway",
    "Receipt",
    "Transfer",
    "TransferPage",
    "UnknownProvider",
    "payments",
]

PAYMENT_PROVIDER = "payment_provider"
"""The name of this gateway for its circuit breaker and for the runs that wait for it."""


class UnknownProvider(LookupError):
    """PAYMENT_PROVIDER names no provider."""


@cache
def payments() -> PaymentGateway:
    """Return the payment gateway of this process, made at the first call; a forked child makes its own.

    Raises UnknownProvider, and InsecureSetting for a provider that takes no money in production.
    """
    settings = config.settings()
    providers: dict[str, Callable[[config.Settings], PaymentGateway]] = {
        "sandbox": _sandbox,
        "instant": _instant,
        "stripe": _stripe,
    }
    if settings.payment_provider not in providers:
        raise UnknownProvider(f"PAYMENT_PROVIDER is {settings.payment_provider!r}, not one of {sorted(providers)}")
    return providers[settings.payment_provider](settings)


def _sandbox(settings: config.Settings) -> SandboxPayments:
    return SandboxPayments(
        settings.bank_url, settings.bank_key, settings.bank_webhook_secret, connections=settings.call_threads
    )


def _instant(settings: config.Settings) -> InstantPayments:
    if settings.environment == "production":
        raise checks.InsecureSetting("PAYMENT_PROVIDER=instant takes no money; production needs a real provider")
    return InstantPayments(settings.instant_bank_ms / 1000)


def _stripe(settings: config.Settings) -> PaymentGateway:
    """Import the gateway by name: its SDK is an optional package, and heavy."""
    gateway: PaymentGateway = import_module("gateways.payments.stripe_gateway").StripePayments(
        settings.stripe_secret_key,
        settings.stripe_webhook_secret,
        api_base=settings.stripe_api_base,
        return_url=settings.stripe_return_url,
        connections=settings.call_threads,
    )
    return gateway


# A forked child must not speak on its parent's connections.
os.register_at_fork(after_in_child=payments.cache_clear)
