"""Stripe's provider events: signed over the raw body, and no older than five minutes. Its SDK verifies them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from gateways.payments import event_values as values
from gateways.payments.contract import BadSignature, Event

HEADER = "stripe-signature"
TOLERANCE_SECONDS = 300  # Stripe signs every delivery anew, so even a day-late event is fresh


def verified(headers: Mapping[str, str], body: bytes, secret: str) -> Event:
    """Verify signature and time of an incoming webhook and return its event. Raises BadSignature."""
    header = next((value for name, value in headers.items() if name.lower() == HEADER), None)
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        raise BadSignature("the signature does not fit the body, or is too old") from error
    return _event(body)


def _event(body: bytes) -> Event:
    try:
        event = values.document(body)
        return _about(event, event["data"]["object"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature("the signed body is not an event") from error


STATUSES = {"requires_capture": "authorized", "requires_payment_method": "failed", "canceled": "voided"}


def _status(thing: dict[str, Any]) -> str:
    """Return the status by the sandbox bank's names, which are those that the shop knows."""
    status = "refunded" if thing.get("refunded") is True else values.text(thing.get("status"))
    return STATUSES.get(status, status)


def _about(event: dict[str, Any], thing: dict[str, Any]) -> Event:
    """Make an Event. For a charge, a refund or a dispute `provider_id` is that of its payment intent."""
    return Event(
        id=event["id"],
        type=event["type"],
        created=values.seconds(event["created"]),
        provider_id=values.text(thing.get("payment_intent") or thing.get("id")),
        reference=values.text((thing.get("metadata") or {}).get("reference")),
        status=_status(thing),
        amount=values.minor_units(thing.get("amount") or 0),
        currency=values.text(thing.get("currency")).upper(),
    )
