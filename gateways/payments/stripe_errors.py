"""Outcomes for Stripe's errors. They leave out Stripe's text, which may repeat what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from engine.outcomes import Outcome, Refused, TryAgain, Unknown

LOCKED = "lock_timeout"
NOT_NOW = {"balance_insufficient": "provider_balance_insufficient"}  # tomorrow's sales may cover it
DECLINES = {"insufficient_funds", "expired_card", "incorrect_cvc", "processing_error"}
NAMES = {
    "authentication_required": "authentication_failed",
    "payment_intent_authentication_failure": "authentication_failed",
    "charge_already_refunded": "refund_exceeds_charge",
}


class Stuck(Unknown):
    """Stripe repeats a failure of its own for this key: only a search can tell whether the call had an effect."""


def sorted_out(error: stripe.StripeError) -> Outcome:  # noqa: PLR0911 - a table, read from above
    """Return the outcome for an error of the SDK: Refused, TryAgain, Unknown or Stuck."""
    status, headers = error.http_status or 0, error.headers or {}
    code = _code(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return TryAgain("provider_misconfigured", "The provider does not accept our key.", away=True)
    if code == LOCKED:
        return TryAgain("provider_busy", answered=True)  # this one charge is busy: calls for others go through
    if isinstance(error, stripe.RateLimitError) or status == 429 or code == "rate_limit":
        return TryAgain("provider_busy", after=_seconds(headers), away=True)
    if status == 503:
        return Unknown(
            "provider_busy", after=_seconds(headers), away=True
        )  # perhaps by a proxy, after Stripe had acted
    if isinstance(error, stripe.IdempotencyError) or status == 409:
        return Unknown("idempotency_in_flight", answered=True) if status == 409 else Refused("idempotency_conflict")
    if code in NOT_NOW:
        return TryAgain(NOT_NOW[code], answered=True)
    if isinstance(error, stripe.CardError):
        return Refused(declined(code, _said(error).get("decline_code")))
    if isinstance(error, stripe.InvalidRequestError):
        return Refused(_invalid(code, _said(error).get("param"), status))
    return (
        Stuck("provider_error")
        if headers.get("Idempotent-Replayed") == "true"
        else Unknown("provider_error", away=True)
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None


def declined(code: str | None, decline_code: str | None = None) -> str:
    """Return the code of a decline, one of a few that customers may see."""
    for said in (decline_code, code):
        if said in DECLINES:
            return str(said)
    return NAMES.get(code or "", "card_declined")


def _invalid(code: str | None, param: str | None, status: int) -> str:
    if param in ("payment_method", "confirmation_token"):
        return "invalid_token"
    if code == "resource_missing" or status == 404:
        return "charge_not_found"
    return NAMES.get(code or "", code or (f"invalid_{param}" if param and param.isidentifier() else "invalid_request"))


def _code(error: stripe.StripeError) -> str | None:
    code = error.code or _said(error).get("code")
    return code if isinstance(code, str) and code.isidentifier() and len(code) < 60 else None


def _said(error: stripe.StripeError) -> Mapping[str, Any]:
    body = error.json_body
    said = body.get("error") if isinstance(body, dict) else None
    return said if isinstance(said, dict) else {}
