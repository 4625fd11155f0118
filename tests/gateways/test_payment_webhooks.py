from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable

import pytest

from gateways.payments import BadSignature, Event
from gateways.payments.instant import InstantPayments
from gateways.payments.sandbox import SandboxPayments

SECRET = "test-webhook-secret"
CHARGE = {"id": "ch_1", "reference": "order-1", "status": "succeeded", "amount": 1000, "currency": "USD"}
EVENT = {"id": "evt_1", "type": "charge.succeeded", "created": 1_700_000_000, "data": {"charge": CHARGE}}
BODY = json.dumps(EVENT).encode()
GATEWAY = SandboxPayments("http://127.0.0.1:1", "key", SECRET)


def signed(body: bytes = BODY, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    at = int(at or time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Bank-Signature": f"t={at},v1={digest}"}


def test_a_signed_event_is_read() -> None:
    event = Event("evt_1", "charge.succeeded", 1_700_000_000, "ch_1", "order-1", "succeeded", 1000, "USD")
    assert GATEWAY.verify_webhook(signed(), BODY) == event


def test_an_event_about_a_transfer_says_so() -> None:
    transfer = {"id": "tr_1", "reference": "no. 7", "status": "booked", "amount": 1000, "currency": "USD"}
    body = json.dumps(EVENT | {"type": "transfer.received", "data": {"transfer": transfer}}).encode()
    event = GATEWAY.verify_webhook(signed(body), body)
    assert (event.about, event.provider_id, event.reference) == ("transfer", "tr_1", "no. 7")


def test_the_header_is_found_in_any_case() -> None:
    assert GATEWAY.verify_webhook({"BANK-SIGNATURE": signed()["Bank-Signature"]}, BODY).id == "evt_1"


@pytest.mark.parametrize(
    "headers",
    [  # made when the test runs: what lies in the future while tests are collected is the present by then
        dict,
        lambda: {"Bank-Signature": ""},
        lambda: {"Bank-Signature": "t=1"},
        lambda: {"Bank-Signature": "t=x,v1=00"},
        lambda: {"Bank-Signature": "t=٣,v1=00"},
        lambda: {"Bank-Signature": f"t={int(time.time())},v1="},
        lambda: {"Bank-Signature": f"t={int(time.time())},v1=é"},
        lambda: signed(secret="another-secret"),
        lambda: signed(b"another body"),
        lambda: signed(at=time.time() - 400),
        lambda: signed(at=time.time() + 400),
    ],
)
def test_what_the_bank_did_not_sign_just_now_is_refused(headers: Callable[[], dict[str, str]]) -> None:
    with pytest.raises(BadSignature):
        GATEWAY.verify_webhook(headers(), BODY)


def test_an_altered_body_is_refused() -> None:
    with pytest.raises(BadSignature):
        GATEWAY.verify_webhook(signed(), BODY.replace(b"1000", b"1"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"data": {"charge": 1}}'])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignature):
        GATEWAY.verify_webhook(signed(body), body)


def test_the_instant_provider_sends_none() -> None:
    with pytest.raises(BadSignature):
        InstantPayments().verify_webhook(signed(), BODY)
