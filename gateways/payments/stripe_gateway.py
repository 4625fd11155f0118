"""Stripe as a payment gateway, through its official SDK. Imported only where PAYMENT_PROVIDER is stripe.

A charge is a payment intent. Both Stripe's idempotency keys (kept for a day) and the key in its metadata (kept for
ever) tell a repetition from a second charge.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.outcomes import Refused
from gateways.payments import stripe_search as search
from gateways.payments import stripe_shapes as shapes
from gateways.payments.contract import Event, Intent, Page, Receipt
from gateways.payments.stripe_client import Client
from gateways.payments.stripe_errors import Stuck
from gateways.payments.stripe_events import verified
from gateways.payments.stripe_ledger import page
from gateways.payments.stripe_search import EXPAND


class StripePayments:
    transfers = None
    """Stripe takes bank transfers only into the balance of a customer object (docs/stripe.md), not to our account."""

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        *,
        api_base: str | None = None,
        return_url: str | None = None,
        connections: int = 16,
    ) -> None:
        self._stripe = Client(secret_key, api_base, connections)
        self._intents, self._refunds = self._stripe.v1.payment_intents, self._stripe.v1.refunds
        self._webhook_secret, self._return_url = webhook_secret, return_url

    def charge(self, intent: Intent, *, key: str) -> Receipt:
        try:
            made, replayed = self._stripe.once(self._intents.create, key=key, **self._wish(intent, key))
        except Stuck:
            if receipt := self.find(key):
                return receipt
            raise
        except Refused as no:
            raise Refused("invalid_token" if no.code == "charge_not_found" else no.code) from no  # none exists yet
        return self.fetch(made["id"]) if replayed else shapes.intent(made)  # the stored answer may be old

    def capture(self, provider_id: str, amount: int | None = None, *, key: str, final: bool = True) -> Receipt:
        """Capture an intent, once: no receipt has `in_parts`, since Stripe offers more captures only on request."""
        some = {} if amount is None else {"amount_to_capture": amount}
        taken = {**some, "metadata": {"capture_key": key}, "expand": EXPAND}
        try:
            return shapes.intent(self._stripe.call(self._intents.capture, provider_id, key=key, **taken))
        except Refused as no:
            if no.code in ("amount_too_large", "invalid_amount_to_capture"):
                raise Refused("capture_exceeds_authorization") from no
            return self._captured_before(provider_id, key, no)

    def void(self, provider_id: str, *, key: str) -> Receipt:
        try:
            return shapes.intent(self._stripe.call(self._intents.cancel, provider_id, key=key, expand=EXPAND))
        except Refused as no:
            receipt = self.fetch(provider_id)
            if receipt.status == "voided":
                return receipt
            raise Refused("charge_already_captured" if receipt.status != "authorised" else no.code) from no

    def refund(self, provider_id: str, amount: int, *, key: str) -> Receipt:
        """Refund a charge, after a search for an earlier refund with this key.

        A refund may be tried for longer than Stripe keeps its keys.
        """
        found = self._stripe.call(self._intents.retrieve, provider_id, expand=EXPAND)
        charge = shapes.charge_of(found)
        if charge is None or found["status"] != "succeeded":
            raise Refused("charge_not_captured")
        there = search.a_refund_of(self._stripe, charge["id"], key)
        return shapes.refund(there or self._refund(charge["id"], amount, _about(found, key), key))

    def find(self, key: str) -> Receipt | None:
        if found := search.an_intent(self._stripe, key):
            return shapes.intent(found)
        back = search.a_refund(self._stripe, key)
        return shapes.refund(back) if back else None

    def fetch(self, provider_id: str) -> Receipt:
        return shapes.intent(self._stripe.call(self._intents.retrieve, provider_id, expand=EXPAND))

    def ledger(self, since: datetime, until: datetime, cursor: str | None = None) -> Page:
        return page(self._stripe, since, until, cursor)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return verified(headers, body, self._webhook_secret)

    def close(self) -> None:
        self._stripe.close()

    def _wish(self, intent: Intent, key: str) -> dict[str, Any]:
        by = "confirmation_token" if intent.token.startswith("ctoken_") else "payment_method"
        back = {"return_url": self._return_url} if self._return_url else {}
        return {
            "amount": intent.amount,
            "currency": intent.currency.lower(),
            by: intent.token,
            "payment_method_types": ["card"],
            "capture_method": "automatic" if intent.capture else "manual",
            "confirm": True,
            "metadata": {"reference": intent.reference, "key": key},
            "expand": EXPAND,
            **back,
        }

    def _captured_before(self, provider_id: str, key: str, no: Refused) -> Receipt:
        """Return the receipt if the intent was captured with this very key. Raises Refused otherwise."""
        found = self._stripe.call(self._intents.retrieve, provider_id, expand=EXPAND)
        receipt = shapes.intent(found)
        if receipt.status in ("captured", "refunded"):
            if found["metadata"].get("capture_key") == key:
                return receipt
            raise Refused("charge_already_captured") from no
        raise Refused("charge_voided" if receipt.status == "voided" else no.code) from no

    def _refund(self, charge: str, amount: int, about: dict[str, str], key: str) -> Mapping[str, Any]:
        try:
            return self._stripe.call(self._refunds.create, key=key, charge=charge, amount=amount, metadata=about)
        except Refused as no:
            raise Refused("refund_exceeds_charge" if no.code == "invalid_amount" else no.code) from no


def _about(found: Mapping[str, Any], key: str) -> dict[str, str]:
    return {"reference": str((found.get("metadata") or {}).get("reference", "")), "key": key}
