from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest

from tests.sandbox.shopping import act, charge, code
from tests.sandboxes import Bank, request


def test_a_good_token_is_captured_at_once(bank: Bank, reference: str) -> None:
    answer = charge(bank, reference)
    assert answer.status == 201
    assert answer.body["status"] == "succeeded"
    assert (answer.body["amount"], answer.body["captured"], answer.body["refunded"]) == (1000, 1000, 0)
    assert [entry["amount"] for entry in bank.captures(reference)] == [1000]


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_of_nobody", "invalid_token"),
        ("4242424242424242", "invalid_token"),
    ],
)
def test_a_bad_token_is_declined_and_moves_nothing(bank: Bank, reference: str, token: str, refusal: str) -> None:
    assert code(charge(bank, reference, token)) == (402, refusal)
    assert bank.captures(reference) == []
    assert [row["status"] for row in bank.ledger(reference)["charges"]] == ["failed"]
    assert "4242" not in str(bank.ledger(reference)["charges"][0]["source"])


def test_a_decline_is_repeated_for_its_key(bank: Bank, reference: str) -> None:
    charge(bank, reference, "tok_declined")
    again = charge(bank, reference, "tok_declined")
    assert code(again) == (402, "card_declined")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(bank.ledger(reference)["charges"]) == 1


def test_a_slow_token_takes_its_time(bank: Bank, reference: str) -> None:
    began = time.monotonic()
    assert charge(bank, reference, "tok_slow").status == 201
    assert 0.5 <= time.monotonic() - began < 3


def test_slow_charges_do_not_hold_up_quick_ones(bank: Bank, reference: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(charge, bank, reference, "tok_slow", f"{reference}:slow")
        assert charge(bank, reference, key=f"{reference}:quick").status == 201
        assert not slow.done()
        assert slow.result().status == 201


def test_a_flaky_token_fails_twice_and_then_goes_well(bank: Bank, reference: str) -> None:
    answers = [charge(bank, reference, "tok_flaky") for _ in range(4)]
    assert [answer.status for answer in answers] == [503, 503, 201, 201]
    assert answers[0].headers["Retry-After"] == "1"
    assert len(bank.captures(reference)) == 1


def test_a_charge_whose_answer_is_lost_is_found_by_its_key(bank: Bank, reference: str) -> None:
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        charge(bank, reference, "tok_charged_then_timeout")
    assert len(bank.captures(reference)) == 1
    again = charge(bank, reference, "tok_charged_then_timeout")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert len(bank.captures(reference)) == 1


def test_the_first_refund_is_refused_and_stays_so_for_its_key(bank: Bank, reference: str) -> None:
    bought = charge(bank, reference, "tok_refund_refused").body["id"]
    first = act(bank, bought, "refunds", f"{reference}:r1", amount=1000)
    assert code(first) == (402, "refund_refused")
    assert code(act(bank, bought, "refunds", f"{reference}:r1", amount=1000)) == (402, "refund_refused")
    assert bank.refunds(reference) == []
    assert act(bank, bought, "refunds", f"{reference}:r2", amount=1000).status == 201
    assert [entry["amount"] for entry in bank.refunds(reference)] == [1000]


def test_3ds_waits_for_the_shopper_who_approves(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds").body
    assert asked["status"] == "requires_action"
    assert asked["next_action"] == {"type": "redirect", "url": f"{bank.url}/3ds/{asked['id']}"}
    assert bank.captures(reference) == []
    assert bank.complete_3ds(asked["id"]).body["status"] == "succeeded"
    assert [entry["amount"] for entry in bank.captures(reference)] == [1000]
    assert code(bank.complete_3ds(asked["id"])) == (409, "charge_not_waiting")
    assert len(bank.captures(reference)) == 1


def test_3ds_refused_fails_the_charge(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds").body["id"]
    assert bank.complete_3ds(asked, "refuse").body["status"] == "failed"
    assert bank.call("GET", f"/v1/charges/{asked}").body["failure_code"] == "authentication_failed"
    assert bank.captures(reference) == []


def test_3ds_without_capture_ends_authorised(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds", capture=False).body["id"]
    assert bank.complete_3ds(asked).body["status"] == "authorized"
    assert bank.captures(reference) == []


def test_a_voided_challenge_cannot_be_approved(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds").body["id"]
    assert act(bank, asked, "void", f"{reference}:void").body["status"] == "voided"
    assert code(bank.complete_3ds(asked)) == (409, "charge_not_waiting")
    assert bank.captures(reference) == []


def test_the_challenge_page_works_as_a_plain_form(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds").body
    with urlopen(asked["next_action"]["url"]) as page:
        html = page.read().decode()
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "10.00 USD" in html
    assert 'value="approve"' in html
    form = Request(asked["next_action"]["url"] + "/complete", b"outcome=approve")
    with urlopen(form) as page:
        assert "succeeded" in page.read().decode()
    assert len(bank.captures(reference)) == 1


def test_an_outcome_nobody_knows_is_refused(bank: Bank, reference: str) -> None:
    asked = charge(bank, reference, "tok_3ds").body["id"]
    answer = request("POST", f"{bank.url}/3ds/{asked}/complete", {"outcome": "maybe"})
    assert code(answer) == (422, "invalid_outcome")
