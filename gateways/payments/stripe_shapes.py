"""Receipts of Stripe's payment intents and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.outcomes import Refused, Unknown
from gateways.payments.contract import Receipt, Status
from gateways.payments.stripe_errors import declined

Thing = Mapping[str, Any]


def intent(found: Thing) -> Receipt:
    """Make a Receipt of a payment intent. Raises Refused if it has failed, Unknown while Stripe is processing it."""
    try:
        status = _status(found)
        amount = found.get("amount_received") or found["amount"]
        back = (charge_of(found) or {}).get("amount_refunded") or 0
        how = (found["id"], status, amount, found["currency"].upper(), _next_action(found, status))
        return Receipt(*how, given_back=back)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unknown("provider_garbled") from error


def refund(found: Thing) -> Receipt:
    """Make a Receipt of a refund. Raises Refused if it has failed.

    A `pending` one counts as done: if it fails later, Stripe sends a webhook, and reconciliation finds it.
    """
    try:
        if found["status"] in ("failed", "canceled"):
            raise Refused("refund_failed")
        return Receipt(found["id"], "refunded", found["amount"], found["currency"].upper())
    except (KeyError, TypeError, AttributeError) as error:
        raise Unknown("provider_garbled") from error


def charge_of(found: Thing) -> Thing | None:
    """Return the charge of a payment intent that was read with EXPAND; None: there is none."""
    charge = found.get("latest_charge")
    return charge if isinstance(charge, Mapping) else None


def _status(found: Thing) -> Status:
    status = found["status"]
    if status == "succeeded":
        return "refunded" if (charge_of(found) or {}).get("refunded") else "captured"
    if status == "requires_payment_method":
        raise Refused(_why(found.get("last_payment_error")))
    if status == "processing":
        raise Unknown("provider_processing")
    return _OTHERS[status]


_OTHERS: dict[str, Status] = {
    "requires_capture": "authorised",
    "requires_action": "requires_action",
    "requires_confirmation": "requires_action",
    "canceled": "voided",
}


def _why(error: Thing | None) -> str:
    return declined(error.get("code"), error.get("decline_code")) if error else "card_declined"


def _next_action(found: Thing, status: Status) -> dict[str, Any] | None:
    """Return the customer's next action: a page to go to, or what Stripe.js needs to ask in the shop's own page."""
    if status != "requires_action":
        return None
    asked = found.get("next_action") or {}
    if asked.get("type") == "redirect_to_url":
        return {"type": "redirect", "url": asked["redirect_to_url"]["url"]}
    return {"type": "stripe_sdk", "client_secret": found["client_secret"]}
