"""Stripe over localstripe: what only Stripe has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.outcomes import Refused
from gateways.payments import Intent
from gateways.payments.stripe_gateway import StripePayments
from tests.peers.stripe import StripePeer


def intent(reference: str, token: str = "tok_ok") -> Intent:
    return Intent(1000, "EUR", token, reference)


def test_a_question_of_the_cards_bank_is_answered_in_the_shops_page(stripe_peer: StripePeer, reference: str) -> None:
    gateway = stripe_peer.gateway()
    asked = gateway.charge(intent(reference, "tok_3ds"), key=reference)
    assert (asked.status, asked.amount) == ("requires_action", 1000)
    assert asked.next_action is not None
    assert asked.next_action["type"] == "stripe_sdk"
    assert gateway.charge(intent(reference, "tok_3ds"), key=reference) == asked

    stripe_peer.answer_the_question(asked.next_action, approve=True)
    paid = gateway.fetch(asked.provider_id)
    assert (paid.status, paid.next_action) == ("captured", None)
    assert gateway.charge(intent(reference, "tok_3ds"), key=reference) == paid, "not the answer of then"


def test_a_question_answered_with_no_takes_nothing(stripe_peer: StripePeer, reference: str) -> None:
    gateway = stripe_peer.gateway()
    asked = gateway.charge(intent(reference, "tok_3ds"), key=reference)
    assert asked.next_action is not None
    stripe_peer.answer_the_question(asked.next_action, approve=False)
    with pytest.raises(Refused, match="authentication_failed"):
        gateway.fetch(asked.provider_id)


def test_who_waits_for_the_shopper_can_be_let_go(stripe_peer: StripePeer, reference: str) -> None:
    gateway = stripe_peer.gateway()
    asked = gateway.charge(intent(reference, "tok_3ds"), key=reference)
    assert gateway.void(asked.provider_id, key=f"{reference}:v").status == "voided"
    assert gateway.void(asked.provider_id, key=f"{reference}:w").status == "voided"
    with pytest.raises(Refused, match="charge_not_captured"):
        gateway.refund(asked.provider_id, 1, key=f"{reference}:r")


def test_what_was_paid_can_not_be_let_go(stripe_peer: StripePeer, reference: str) -> None:
    gateway = stripe_peer.gateway()
    paid = gateway.charge(intent(reference), key=reference)
    with pytest.raises(Refused, match="charge_already_captured"):
        gateway.void(paid.provider_id, key=f"{reference}:v")
    assert gateway.fetch(paid.provider_id) == paid


def test_a_refund_repeated_after_its_key_has_expired_is_the_same(stripe_peer: StripePeer, reference: str) -> None:
    gateway = stripe_peer.gateway()
    paid = gateway.charge(intent(reference), key=reference).provider_id
    back = gateway.refund(paid, 300, key=f"{reference}:r")
    stripe_peer.ask("POST", "/_config/forget_keys")
    assert gateway.refund(paid, 300, key=f"{reference}:r") == back
    assert gateway.refund(paid, 700, key=f"{reference}:s").amount == 700, "no more than 300 had been given back"


def test_a_card_that_nobody_has_is_no_token(stripe_peer: StripePeer, reference: str) -> None:
    for token in ("pm_nobody", "tok_ok", "4242424242424242"):
        with pytest.raises(Refused) as no:
            StripePayments.charge(stripe_peer.gateway(), intent(reference, token), key=f"{reference}:{token}")
        assert no.value.code in ("invalid_token", "invalid_request")
        assert token not in repr(no.value)


def test_nobody_loads_the_sdk_who_does_not_pay_with_it() -> None:
    look = "import sys, gateways.payments; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
