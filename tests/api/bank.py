"""A bank and a postman in this process. The bank asks for 3-D Secure, declines, and signs its webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import gateways.channels.email
import gateways.payments
from engine.outcomes import Refused, TryAgain
from gateways.mail import Mail
from gateways.payments import Entry, Event, Intent, Page, Receipt, Transfer, TransferPage
from gateways.payments.instant import InstantPayments
from gateways.payments.webhooks import verified

SECRET = "the bank's webhook secret"
HOOK = "/api/webhooks/payments/sandbox"


class Desk:
    """What was sent to our account, two a page."""

    def __init__(self) -> None:
        self.booked: dict[str, Transfer] = {}

    def fetch(self, id: str) -> Transfer:
        if id not in self.booked:
            raise Refused("transfer_not_found")
        return self.booked[id]

    def came(self, since: datetime, until: datetime, cursor: str | None = None) -> TransferPage:
        found, first = [one for one in self.booked.values() if since <= one.at < until], int(cursor or 0)
        return TransferPage(found[first : first + 2], str(first + 2) if len(found) > first + 2 else None)


class Bank(InstantPayments):
    """`tok_3ds` waits for its shopper, `tok_declined` is refused, all others are paid."""

    def __init__(self) -> None:
        super().__init__()
        self.transfers: Desk = Desk()
        self.charged: dict[str, str] = {}  # order -> charge
        self.intents: list[Intent] = []
        self.down = False
        self.book: dict[tuple[str, str], Entry] = {}  # what moved, two hours ago
        self.asked: list[str | None] = []  # the cursors of its ledger's pages that were asked for

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        receipt = super().charge(intent, key=key)
        self.intents.append(intent)
        self.charged[intent.reference] = receipt.provider_id
        if intent.token == "tok_3ds":
            receipt = self._keep(replace(receipt, status="requires_action", next_action={"redirect": "https://bank"}))
        return self._enter("capture", receipt, intent.reference)

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        receipt = super().capture(provider_id, amount, key=key, final=final)
        moved = replace(receipt, provider_id=receipt.moved or provider_id, status="captured")
        self._enter("capture", moved, self._order_of(provider_id))
        return receipt

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        return self._enter("refund", super().refund(provider_id, amount, key=key), self._order_of(provider_id))

    def _order_of(self, provider_id: str) -> str:
        return next(order for order, charge in self.charged.items() if charge == provider_id)

    def void(self, provider_id: str, *, key: str) -> Receipt:
        if self._get(provider_id).status == "requires_action":
            return self._keep(replace(self._get(provider_id), status="voided"))
        return super().void(provider_id, key=key)

    def approve(self, order: str) -> str:
        """The shopper has confirmed at the bank. Returns the charge."""
        charge = self._get(self.charged[order])
        self._enter("capture", self._keep(replace(charge, status="captured", next_action=None)), order)
        return charge.provider_id

    def _enter(self, kind: str, receipt: Receipt, order: str) -> Receipt:
        if receipt.status in ("captured", "refunded"):
            said = (kind, receipt.provider_id, receipt.amount, receipt.currency, order)
            self.book.setdefault(said[:2], Entry(*said, datetime.now(UTC) - timedelta(hours=2)))
        return receipt

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        """Two entries a page."""
        self.asked.append(cursor)
        if self.down:
            raise TryAgain("provider_unreachable")
        moved = [entry for entry in self.book.values() if since <= entry.at < until]
        first = int(cursor or 0)
        return Page(moved[first : first + 2], str(first + 2) if len(moved) > first + 2 else None)

    def sent(self, amount: int, reference: str, currency: str = "EUR", *, days_ago: float = 0) -> str:
        """Somebody sends money. Returns the transfer."""
        id, at = f"tr_{len(self.transfers.booked)}", datetime.now(UTC) - timedelta(days=days_ago)
        self.transfers.booked[id] = Transfer(id, amount, currency, reference, at)
        return id

    def taken(self, order: str) -> int:
        """What the bank has taken for this order and kept, in minor units."""
        charge = self.charged.get(order)
        status = self._get(charge).status if charge else "unknown"
        if charge is None or status not in ("captured", "refunded", "authorised"):
            return 0
        taken = self._parts[charge] if status == "authorised" else self._get(charge).amount
        return taken - self._refunded[charge]

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return verified(headers, body, SECRET)


def event(order: str, charge: str = "ch_unknown", **more: Any) -> dict[str, Any]:
    told = {"id": charge, "reference": order, "status": "succeeded", "amount": 2489, "currency": "EUR"}
    charged = told | {name: more.pop(name) for name in list(more) if name in told and name != "id"}
    return {"id": "evt_1", "type": "charge.succeeded", "created": 1, "data": {"charge": charged}} | more


def signed(body: bytes, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    at = int(time.time()) - age
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Bank-Signature": f"t={at},v1={mac}"}


def deliver(app: Flask, told: dict[str, Any], **signature: Any) -> TestResponse:
    body = json.dumps(told).encode()
    return app.test_client().post(HOOK, data=body, headers=signed(body, **signature))


@pytest.fixture
def bank(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Bank:
    found = Bank()
    monkeypatch.setattr(gateways.payments, "payments", lambda: found)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Mail]:
    """Every mail that was handed over."""
    mails: list[Mail] = []

    class Postman:
        def send(self, mail: Mail) -> None:
            mails.append(mail)

    monkeypatch.setattr(gateways.channels.email, "mailer", Postman)
    return mails
