from __future__ import annotations

import json
import time

import pytest
from stripe import WebhookSignature

from gateways.payments import BadSignature, Event
from gateways.payments.stripe_gateway import StripePayments

SECRET = "whsec_test"
CHARGE = {"object": "payment_intent", "id": "pi_1", "status": "succeeded", "amount": 1999, "amount_received": 1999}
BODY = {
    "object": "event",
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1795531355,
    "data": {"object": {**CHARGE, "currency": "eur", "metadata": {"reference": "order-1", "key": "k"}}},
}


def verify(body: str, header: str | None) -> Event:
    headers = {} if header is None else {"Stripe-Signature": header}
    return StripePayments("sk_test_x", SECRET).verify_webhook(headers, body.encode())


def signed(body: str, *, secret: str = SECRET, age: int = 0) -> str:
    return WebhookSignature.generate_signature_header(body, secret, timestamp=int(time.time()) - age)


def test_a_signed_event_is_read() -> None:
    body = json.dumps(BODY)
    succeeded = ("evt_1", "payment_intent.succeeded", 1795531355, "pi_1", "order-1", "succeeded", 1999, "EUR")
    assert verify(body, signed(body)) == Event(*succeeded)


def test_an_event_of_a_refund_tells_the_payment_it_is_of() -> None:
    refund = {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "status": "failed", "amount": 5}
    body = json.dumps({**BODY, "type": "refund.failed", "data": {"object": {**refund, "currency": "eur"}}})
    event = verify(body, signed(body))
    assert (event.type, event.provider_id, event.reference, event.amount) == ("refund.failed", "pi_1", "", 5)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"status": "requires_capture"}, "authorized"),
        ({"status": "requires_payment_method"}, "failed"),
        ({"status": "canceled"}, "voided"),
        ({"status": "succeeded", "amount_received": 400}, "succeeded"),
        ({"object": "charge", "payment_intent": "pi_1", "status": "succeeded", "refunded": True}, "refunded"),
    ],
)
def test_what_it_tells_is_in_the_shops_words(more: dict[str, object], status: str) -> None:
    body = json.dumps({**BODY, "data": {"object": {**CHARGE, "currency": "eur", **more}}})
    event = verify(body, signed(body))
    assert (event.provider_id, event.status, event.amount) == ("pi_1", status, 1999)


def test_while_a_secret_is_replaced_either_signature_will_do() -> None:
    body = json.dumps(BODY)
    old = signed(body, secret="whsec_old").partition("v1=")[2]
    assert verify(body, f"{signed(body)},v1={old}").id == "evt_1"


@pytest.mark.parametrize("header", [None, "", "t=1", "v1=abc", "t=x,v1=y", "\u00e9", "t=99999999999999999999,v1=a"])
def test_without_a_signature_it_is_nobodys(header: str | None) -> None:
    with pytest.raises(BadSignature):
        verify(json.dumps(BODY), header)


def test_the_wrong_secret_an_altered_body_and_an_old_one_are_turned_away() -> None:
    body = json.dumps(BODY)
    for header in (signed(body, secret="whsec_other"), signed(body + " "), signed(body, age=301)):
        with pytest.raises(BadSignature, match="does not fit the body, or is too old"):
            verify(body, header)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"id": "evt_1"}',
        '{"id":1,"type":"x","created":1,"data":{"object":[]}}',
        '{"id":"evt_1","type":"x","created":"then","data":{"object":{}}}',
        '{"id":"evt_1","type":"x","created":1,"data":{"object":{"amount":"many"}}}',
        '{"id":"evt_1","type":"x","created":1,"data":{"object":{"metadata":["order"]}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_turned_away(body: str) -> None:
    with pytest.raises(BadSignature, match="not an event"):
        verify(body, signed(body))
