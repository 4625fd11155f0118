from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.sandbox.shopping import act, charge, code, together
from tests.sandboxes import Bank, wait_until


def test_the_same_request_is_carried_out_once_and_answered_the_same(bank: Bank, reference: str) -> None:
    first, again = charge(bank, reference), charge(bank, reference)
    assert again.body == first.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(bank.captures(reference)) == 1


def test_the_order_of_fields_makes_no_other_request(bank: Bank, reference: str) -> None:
    body = {"amount": 5, "currency": "USD", "source": "tok_ok", "reference": reference}
    bank.call("POST", "/v1/charges", body, f"{reference}:k")
    again = bank.call("POST", "/v1/charges", dict(reversed(body.items())), f"{reference}:k")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")


def test_a_key_with_another_body_is_refused(bank: Bank, reference: str) -> None:
    charge(bank, reference)
    assert code(charge(bank, reference, amount=1001)) == (422, "idempotency_key_reused")
    assert [entry["amount"] for entry in bank.captures(reference)] == [1000]


def test_a_key_on_another_path_is_refused(bank: Bank, reference: str) -> None:
    one = charge(bank, reference, capture=False, key=f"{reference}:1").body["id"]
    two = charge(bank, reference, capture=False, key=f"{reference}:2").body["id"]
    assert act(bank, one, "void", f"{reference}:void").status == 201
    assert code(act(bank, two, "void", f"{reference}:void")) == (422, "idempotency_key_reused")
    assert bank.call("GET", f"/v1/charges/{two}").body["status"] == "authorized"


def test_a_key_in_flight_is_a_conflict(bank: Bank, reference: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(charge, bank, reference, "tok_slow")
        wait_until(lambda: bank.call("GET", f"/v1/requests/{reference}:charge").status == 200)
        seen = bank.call("GET", f"/v1/requests/{reference}:charge").body
        assert (seen["state"], seen["status"], seen["response"]) == ("in_flight", None, None)
        assert code(charge(bank, reference, "tok_slow")) == (409, "idempotency_in_flight")
        assert code(charge(bank, reference, "tok_ok")) == (422, "idempotency_key_reused")
        assert slow.result().status == 201
    assert len(bank.captures(reference)) == 1


def test_fifty_at_once_with_one_key_make_exactly_one_charge(bank: Bank, reference: str) -> None:
    answers = together(lambda _: charge(bank, reference), 50)
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {201, 409}
    assert statuses[201] >= 1
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 1
    assert len(bank.captures(reference)) == 1
    assert len(bank.ledger(reference)["charges"]) == 1


def test_fifty_at_once_with_one_slow_key_are_all_in_flight_but_one(bank: Bank, reference: str) -> None:
    answers = together(lambda _: charge(bank, reference, "tok_slow"), 50)
    assert Counter(answer.status for answer in answers)[201] >= 1
    assert len(bank.captures(reference)) == 1


def test_a_503_is_not_stored(bank: Bank, reference: str) -> None:
    bank.control(fail=1)
    assert code(charge(bank, reference)) == (503, "temporarily_unavailable")
    assert bank.call("GET", f"/v1/requests/{reference}:charge").status == 404
    assert charge(bank, reference).status == 201


def test_looking_up_a_key_tells_what_was_answered(bank: Bank, reference: str) -> None:
    assert code(bank.call("GET", f"/v1/requests/{reference}:charge")) == (404, "request_not_found")
    answer = charge(bank, reference)
    seen = bank.call("GET", f"/v1/requests/{reference}:charge").body
    assert seen == {"key": f"{reference}:charge", "state": "done", "status": 201, "response": answer.body}


def test_a_malformed_request_does_not_use_up_its_key(bank: Bank, reference: str) -> None:
    assert charge(bank, reference, amount=0).status == 422
    assert charge(bank, reference).status == 201


def test_money_does_not_move_without_a_key(bank: Bank, reference: str) -> None:
    body = {"amount": 1, "currency": "USD", "source": "tok_ok", "reference": reference}
    assert code(bank.call("POST", "/v1/charges", body)) == (400, "idempotency_key_required")
    assert code(bank.call("POST", "/v1/charges", body, "k" * 256)) == (400, "idempotency_key_invalid")
    assert bank.captures(reference) == []


def test_a_shopper_who_hangs_up_is_charged_all_the_same(bank: Bank, reference: str) -> None:
    line = http.client.HTTPConnection(bank.url.removeprefix("http://"))
    body = {"amount": 1000, "currency": "USD", "source": "tok_slow", "reference": reference}
    headers = {"Authorization": f"Bearer {bank.api_key}", "Idempotency-Key": f"{reference}:k"}
    line.request("POST", "/v1/charges", json.dumps(body), headers | {"Content-Type": "application/json"})
    time.sleep(0.1)
    line.close()
    wait_until(lambda: bank.captures(reference))
    assert bank.call("GET", f"/v1/requests/{reference}:k").body["state"] == "done"
