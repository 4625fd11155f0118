from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.shopping import act, charge, code, together
from tests.sandboxes import Bank, request


def test_an_authorisation_is_captured_once(bank: Bank, reference: str) -> None:
    held = charge(bank, reference, capture=False).body
    assert (held["status"], held["captured"]) == ("authorized", 0)
    assert bank.captures(reference) == []
    taken = act(bank, held["id"], "capture", f"{reference}:c1").body
    assert (taken["status"], taken["captured"]) == ("succeeded", 1000)
    assert code(act(bank, held["id"], "capture", f"{reference}:c2")) == (409, "charge_already_captured")
    assert [entry["amount"] for entry in bank.captures(reference)] == [1000]


def test_part_of_an_authorisation_may_be_captured_and_only_that_refunded(bank: Bank, reference: str) -> None:
    held = charge(bank, reference, capture=False).body["id"]
    assert act(bank, held, "capture", f"{reference}:c", amount=600).body["captured"] == 600
    assert code(act(bank, held, "refunds", f"{reference}:r1", amount=601)) == (422, "refund_exceeds_charge")
    assert act(bank, held, "refunds", f"{reference}:r2", amount=600).status == 201


def test_no_more_is_captured_than_was_authorised(bank: Bank, reference: str) -> None:
    held = charge(bank, reference, capture=False).body["id"]
    answer = act(bank, held, "capture", f"{reference}:c", amount=1001)
    assert code(answer) == (422, "capture_exceeds_authorization")
    assert bank.captures(reference) == []


def test_a_voided_authorisation_is_gone(bank: Bank, reference: str) -> None:
    held = charge(bank, reference, capture=False).body["id"]
    assert act(bank, held, "void", f"{reference}:v1").body["status"] == "voided"
    assert code(act(bank, held, "capture", f"{reference}:c")) == (409, "charge_voided")
    assert code(act(bank, held, "void", f"{reference}:v2")) == (409, "charge_voided")
    assert bank.captures(reference) == []


def test_what_was_captured_cannot_be_voided(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference).body["id"]
    assert code(act(bank, bought, "void", f"{reference}:v")) == (409, "charge_already_captured")


def test_what_was_not_captured_cannot_be_refunded(bank: Bank, reference: str) -> None:
    held = charge(bank, reference, capture=False).body["id"]
    assert code(act(bank, held, "refunds", f"{reference}:r", amount=1)) == (409, "charge_not_captured")


def test_refunds_never_pass_the_charge(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference).body["id"]
    assert act(bank, bought, "refunds", f"{reference}:1", amount=700).body["amount"] == 700
    assert code(act(bank, bought, "refunds", f"{reference}:2", amount=301)) == (422, "refund_exceeds_charge")
    assert act(bank, bought, "refunds", f"{reference}:3", amount=300).body["charge_refunded"] == 1000
    assert code(act(bank, bought, "refunds", f"{reference}:4", amount=1)) == (422, "refund_exceeds_charge")
    assert sum(entry["amount"] for entry in bank.refunds(reference)) == 1000


def test_twenty_refunds_at_once_never_pass_the_charge(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference).body["id"]
    answers = together(lambda n: act(bank, bought, "refunds", f"{reference}:{n}", amount=300), 20)
    assert Counter(answer.status for answer in answers) == {201: 3, 422: 17}
    assert sum(entry["amount"] for entry in bank.refunds(reference)) == 900


def test_refunds_can_be_refused_for_a_drill(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference).body["id"]
    bank.control(refuse_refunds=True)
    assert code(act(bank, bought, "refunds", f"{reference}:1", amount=1)) == (402, "refund_refused")
    bank.control(refuse_refunds=False)
    assert act(bank, bought, "refunds", f"{reference}:2", amount=1).status == 201


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"amount": 0}, "invalid_amount"),
        ({"amount": -1}, "invalid_amount"),
        ({"amount": 1.5}, "invalid_amount"),
        ({"amount": "1000"}, "invalid_amount"),
        ({"amount": True}, "invalid_amount"),
        ({"amount": 10**30}, "invalid_amount"),
        ({"amount": None}, "invalid_amount"),
        ({"currency": "ABC"}, "invalid_currency"),
        ({"currency": 840}, "invalid_currency"),
        ({"source": ""}, "invalid_source"),
        ({"capture": "yes"}, "invalid_capture"),
        ({"tip": 5}, "unknown_parameter"),
    ],
)
def test_a_malformed_charge_is_refused(bank: Bank, reference: str, wrong: dict[str, Any], refusal: str) -> None:
    assert code(charge(bank, reference, **wrong)) == (422, refusal)
    assert bank.ledger(reference)["charges"] == []


def test_a_reference_is_printable(bank: Bank) -> None:
    for wrong in ("", "a\nb", "a\0", "x" * 201):
        assert code(charge(bank, wrong, key="unused")) == (422, "invalid_reference")


def test_a_stranger_is_turned_away(bank: Bank, reference: str) -> None:
    url = f"{bank.url}/v1/charges"
    assert code(request("POST", url, {}, {"Idempotency-Key": "k"})) == (401, "unauthorized")
    wrong = {"Authorization": "Bearer wrong", "Idempotency-Key": "k"}
    assert code(request("POST", url, {}, wrong)) == (401, "unauthorized")


def test_a_charge_nobody_made_is_not_found(bank: Bank, reference: str) -> None:
    assert code(bank.call("GET", "/v1/charges/ch_none")) == (404, "charge_not_found")
    assert code(act(bank, "ch_none", "refunds", f"{reference}:r", amount=1)) == (404, "charge_not_found")


def test_the_ledger_adds_up_and_needs_no_key(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference, currency="eur").body["id"]
    act(bank, bought, "refunds", f"{reference}:r", amount=250)
    ledger = bank.ledger(reference)
    assert ledger["totals"] == {"EUR": {"charges": 1, "captured": 1000, "refunded": 250, "net": 750}}
    assert [(entry["kind"], entry["amount"]) for entry in ledger["entries"]] == [("capture", 1000), ("refund", 250)]
    assert ledger["charges"][0]["idempotency_key"] == f"{reference}:charge"


def test_control_takes_only_what_it_knows_and_only_json(bank: Bank) -> None:
    assert bank.control(latency_ms=1)["latency_ms"] == 1
    for wrong in ({"fail": -1}, {"fail": True}, {"fail": "1"}, {"weather": 1}, {"webhooks": "some"}):
        assert code(request("POST", f"{bank.url}/control", wrong)) == (422, "invalid_control")
    plain = {"Content-Type": "text/plain"}
    assert code(request("POST", f"{bank.url}/control", {"fail": 1}, plain)) == (415, "json_required")


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", "invalid_since"),
        ("since=yesterday&until=2026-01-02T00:00:00Z", "invalid_since"),
        ("since=2026-01-01T00:00:00Z&until=0001-01-01T00:00:00%2B23:59", "invalid_until"),
        ("since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&after=-1", "invalid_after"),
        ("since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&after=99999999999999999999", "invalid_after"),
    ],
)
def test_a_statement_of_no_time_is_refused(bank: Bank, query: str, refusal: str) -> None:
    answer = bank.call("GET", f"/v1/ledger?{query}")
    assert code(answer) == (422, refusal)


def test_a_statement_needs_the_key(bank: Bank) -> None:
    assert request("GET", f"{bank.url}/v1/ledger?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z").status == 401
