"""The sandbox bank's provider events, signed as `Bank-Signature: t=<unix>,v1=<hex hmac-sha256 of "t.body">`."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

from gateways.payments import event_values as values
from gateways.payments.contract import About, BadSignature, Event

HEADER = "bank-signature"
TOLERANCE_SECONDS = 300  # the bank signs every delivery anew, so even a day-late event is fresh


def verified(headers: Mapping[str, str], body: bytes, secret: str) -> Event:
    """Verify signature and time of an incoming webhook and return its event. Raises BadSignature."""
    at, given = _parts(headers)
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise BadSignature("the signature does not fit the body")
    if abs(time.time() - at) > TOLERANCE_SECONDS:
        raise BadSignature("the signature is too old or from the future")
    return _event(body)


def _parts(headers: Mapping[str, str]) -> tuple[int, str]:
    header = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12 and given.isascii()):
        raise BadSignature("there is no signature")
    return int(at), given


def _event(body: bytes) -> Event:
    try:
        event = values.document(body)
        about: About = "transfer" if "transfer" in event["data"] else "charge"
        told = event["data"][about]
        return Event(
            id=event["id"],
            type=event["type"],
            created=values.seconds(event["created"]),
            provider_id=values.text(told["id"]),
            reference=values.text(told["reference"]),
            status=values.text(told["status"]),
            amount=values.minor_units(told["amount"]),
            currency=values.text(told["currency"]),
            about=about,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadSignature("the signed body is not an event") from error
