"""What each way of going wrong at Stripe means: a no, not now, or nobody knows. Over canned replies."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from engine.outcomes import Outcome, Refused, TryAgain, Unknown
from gateways.payments import Intent
from gateways.payments.stripe_gateway import StripePayments
from tests.gateways.replies import http, replying
from tests.sandboxes import free_port

INTENT = Intent(1000, "EUR", "pm_card_visa", "order-1")
EMPTY = http("200 OK", json.dumps({"object": "list", "data": [], "has_more": False}))
REPLAYED = "Idempotent-Replayed: true"


def error(status: str, *headers: str, **said: Any) -> bytes:
    return http(status, json.dumps({"error": {"message": "about pm_card_visa and 4242", **said}}), *headers)


def outcome(*replies: bytes) -> Outcome:
    """Of a charge that is answered so."""
    with replying(*replies) as url, pytest.raises(Outcome) as raised:
        StripePayments("sk_test_x", "whsec_x", api_base=url).charge(INTENT, key="run:charge_payment")
    return raised.value


CARD = {"type": "card_error", "code": "card_declined"}
INVALID = {"type": "invalid_request_error"}


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (error("402 Payment Required", **CARD), Refused, "card_declined"),
        (error("402 Payment Required", **CARD, decline_code="generic_decline"), Refused, "card_declined"),
        (error("402 Payment Required", **CARD, decline_code="insufficient_funds"), Refused, "insufficient_funds"),
        (error("402 Payment Required", type="card_error", code="expired_card"), Refused, "expired_card"),
        (
            error("402 Payment Required", type="card_error", code="authentication_required"),
            Refused,
            "authentication_failed",
        ),
        (
            error("400 Bad Request", **INVALID, code="resource_missing", param="payment_method"),
            Refused,
            "invalid_token",
        ),
        (error("400 Bad Request", **INVALID, code="amount_too_small", param="amount"), Refused, "amount_too_small"),
        (error("400 Bad Request", **INVALID, param="metadata[key]"), Refused, "invalid_request"),
        (error("400 Bad Request", type="idempotency_error"), Refused, "idempotency_conflict"),
        (
            error("409 Conflict", type="idempotency_error", code="idempotency_key_in_use"),
            Unknown,
            "idempotency_in_flight",
        ),
        (error("401 Unauthorized", **INVALID), TryAgain, "provider_misconfigured"),
        (error("403 Forbidden", **INVALID), TryAgain, "provider_misconfigured"),
        (error("429 Too Many Requests", **INVALID, code="lock_timeout"), TryAgain, "provider_busy"),
        (error("429 Too Many Requests", **INVALID, code="rate_limit"), TryAgain, "provider_busy"),
        (error("503 Service Unavailable", type="api_error"), Unknown, "provider_busy"),
        (error("500 Internal Server Error", type="api_error"), Unknown, "provider_error"),
        (http("502 Bad Gateway", "<html>"), Unknown, "provider_error"),
        (http("200 OK", "<html>"), Unknown, "provider_error"),
        (http("200 OK", json.dumps({"object": "payment_intent", "id": "pi_1"})), Unknown, "provider_garbled"),
        (b"", Unknown, "provider_silent"),
    ],
)
def test_an_error_is_sorted(reply: bytes, kind: type[Outcome], code: str) -> None:
    found = outcome(reply)
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(
    ("reply", "away"),
    [
        (error("401 Unauthorized", **INVALID), True),
        (error("429 Too Many Requests", **INVALID, code="rate_limit"), True),
        (error("429 Too Many Requests", **INVALID, code="lock_timeout"), False),
        (error("503 Service Unavailable", type="api_error"), True),
        (error("500 Internal Server Error", type="api_error"), True),
        (b"", True),
        (error("409 Conflict", type="idempotency_error", code="idempotency_key_in_use"), False),
    ],
)
def test_p15_whether_others_need_not_call_either(reply: bytes, away: bool) -> None:
    found = outcome(reply)
    assert isinstance(found, TryAgain)
    assert found.away is away
    assert "4242" not in repr(found)


def test_nobody_there_is_to_be_tried_again() -> None:
    gateway = StripePayments("sk_test_x", "whsec_x", api_base=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TryAgain, match="provider_unreachable"):
        gateway.charge(INTENT, key="run:charge_payment")


def test_the_sdk_tries_nothing_twice_even_when_stripe_tells_it_to() -> None:
    """A second try would find nobody to answer it."""
    found = outcome(error("500 Internal Server Error", "Stripe-Should-Retry: true", type="api_error"))
    assert (type(found), found.code) == (Unknown, "provider_error")


def test_a_key_that_repeats_stripes_own_failure_is_looked_up() -> None:
    stuck = error("500 Internal Server Error", REPLAYED, type="api_error")
    listed = http("200 OK", json.dumps({"object": "list", "data": [an_intent()], "has_more": False}))
    with replying(stuck, EMPTY, listed, http("200 OK", json.dumps(an_intent()))) as url:
        receipt = StripePayments("sk_test_x", "whsec_x", api_base=url).charge(INTENT, key="run:charge_payment")
    assert (receipt.provider_id, receipt.status, receipt.amount) == ("pi_1", "captured", 1000)


def test_if_nothing_is_found_under_it_nobody_knows() -> None:
    stuck = error("500 Internal Server Error", REPLAYED, type="api_error")
    found = outcome(stuck, EMPTY, EMPTY, EMPTY)
    assert (isinstance(found, Unknown), found.code) == (True, "provider_error")


def test_a_bank_with_a_page_of_its_own_is_gone_to() -> None:
    there = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds", "return_url": "x"}}
    asked = {**an_intent(), "status": "requires_action", "amount_received": 0, "next_action": there}
    with replying(http("200 OK", json.dumps(asked))) as url:
        gateway = StripePayments("sk_test_x", "whsec_x", api_base=url, return_url="https://shop.example/done")
        receipt = gateway.charge(INTENT, key="run:charge_payment")
    assert (receipt.status, receipt.amount) == ("requires_action", 1000)
    assert receipt.next_action == {"type": "redirect", "url": "https://bank.example/3ds"}


def test_a_look_that_is_refused_says_nothing_of_what_was_looked_for() -> None:
    """Else an order whose card was charged would be given up with the money kept."""
    with replying(error("400 Bad Request", **INVALID)) as url, pytest.raises(Unknown, match="provider_would_not_look"):
        StripePayments("sk_test_x", "whsec_x", api_base=url).find("run:charge_payment")


def test_a_refund_that_was_made_is_not_made_again() -> None:
    """Not even after Stripe has forgotten its idempotency key: it is found by ours. No reply is left for a second."""
    back = {"id": "re_1", "status": "succeeded", "amount": 400, "currency": "eur", "metadata": {"key": "run:refund"}}
    there = http("200 OK", json.dumps({"object": "list", "data": [back], "has_more": False}))
    with replying(http("200 OK", json.dumps(an_intent())), there) as url:
        receipt = StripePayments("sk_test_x", "whsec_x", api_base=url).refund("pi_1", 400, key="run:refund")
    assert (receipt.provider_id, receipt.status, receipt.amount) == ("re_1", "refunded", 400)


def test_nothing_of_a_card_and_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    outcome(error("402 Payment Required", **CARD))
    for secret in ("pm_card_visa", "4242", "sk_test_x"):
        assert secret not in caplog.text


def an_intent() -> dict[str, Any]:
    charge = {"id": "ch_1", "refunded": False}
    about = {"key": "run:charge_payment", "reference": "order-1"}
    paid = {"amount": 1000, "amount_received": 1000, "currency": "eur", "latest_charge": charge, "metadata": about}
    return {"object": "payment_intent", "id": "pi_1", "status": "succeeded", **paid}
