"""Payments: what was taken and given back, for those whose order it is."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateways.mail import Mail
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, credit, guests_cart, guests_order, order, put_on_shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive

TOTAL = {"amount": 1999 + SHIPPING, "currency": "EUR"}
ZERO = {"amount": 0, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


def only(person: Person) -> dict[str, object]:
    [found] = person.get("/api/payments").json["items"]
    assert found == person.get(f"/api/payments/{found['id']}").json
    return found


def test_a_payment_is_created_with_the_order_and_nothing_is_taken_yet(people: People) -> None:
    ada = people.join()
    placed = order(ada)["order"]
    found = only(ada)
    assert found["order_id"] == placed["id"]
    assert (found["method"], found["provider"], found["status"]) == ("card", "sandbox", "created")
    assert (found["amount"], found["captured"], found["refunded"]) == (TOTAL, ZERO, ZERO)
    assert (found["transactions"], found["next_action"], found["error"]) == ([], None, None)


def test_a_paid_order_has_one_capture(people: People, sent: list[Mail]) -> None:
    ada = people.join()
    drive(order(ada)["job"]["id"])
    found = only(ada)
    assert (found["status"], found["captured"], found["refunded"]) == ("captured", TOTAL, ZERO)
    assert [(t["kind"], t["amount"]) for t in found["transactions"]] == [("capture", TOTAL)]


def test_an_order_called_off_after_the_charge_has_its_money_back(people: People, bank: Bank) -> None:
    ada = people.join()
    placed = order(ada)
    drive(placed["job"]["id"], steps=2)
    ada.post(f"/api/orders/{placed['order']['id']}/cancel")
    drive(placed["job"]["id"])
    found = only(ada)
    assert (found["status"], found["captured"], found["refunded"]) == ("refunded", TOTAL, TOTAL)
    assert [t["kind"] for t in found["transactions"]] == ["capture", "refund"]
    assert bank.taken(placed["order"]["id"]) == 0


def test_a_declined_card_says_so_and_took_nothing(people: People) -> None:
    ada = people.join()
    drive(order(ada, token="tok_declined")["job"]["id"])
    found = only(ada)
    assert (found["status"], found["captured"], found["transactions"]) == ("refused", ZERO, [])
    assert found["error"] == {"code": "card_declined", "detail": "card declined"}


def test_a_payment_that_waits_for_its_shopper_says_what_to_do(people: People) -> None:
    ada = people.join()
    assert drive(order(ada, token="tok_3ds")["job"]["id"]) == "waiting"
    found = only(ada)
    assert (found["status"], found["next_action"]) == ("requires_action", {"redirect": "https://bank"})
    assert found["captured"] == ZERO


def test_no_answer_shows_the_token_of_the_card(people: People) -> None:
    ada, sam = people.join(), people.join("Sam", role="staff")
    placed = order(ada, token="tok_secret_of_ada")
    for person in (ada, sam):
        for path in (
            "/api/payments",
            "/api/orders",
            f"/api/orders/{placed['order']['id']}/timeline",
            f"/api/jobs/{placed['job']['id']}",
        ):
            assert "tok_secret" not in person.get(path).text


def test_payments_are_seen_by_their_owner_and_staff(app: Flask, people: People) -> None:
    ada, bob, sam = people.join("Ada"), people.join("Bob"), people.join("Sam", role="staff")
    placed = order(ada)["order"]
    found = only(ada)
    assert bob.get("/api/payments").json["items"] == []
    assert problem(bob.get(f"/api/payments/{found['id']}")) == (404, "not_found")
    assert problem(ask(app, "GET", f"/api/payments/{found['id']}")) == (404, "not_found")
    assert problem(ask(app, "GET", "/api/payments")) == (401, "unauthenticated")
    assert only(sam) == found
    assert sam.get(f"/api/payments?order_id={placed['id']}").json["items"] == [found]
    assert sam.get(f"/api/payments?order_id={ada.id}").json["items"] == []


def test_a_guest_sees_the_payment_with_the_orders_token(app: Flask, people: People) -> None:
    token = guests_order(app, guests_cart(app)).json["order_token"]
    [found] = people.join("Sam", role="staff").get("/api/payments").json["items"]
    assert ask(app, "GET", f"/api/payments/{found['id']}", headers={"X-Order-Token": token}).json == found
    assert problem(ask(app, "GET", f"/api/payments/{found['id']}?token=x")) == (404, "not_found")


def test_pages_of_payments_skip_nothing(people: People) -> None:
    ada = people.join()
    placed = [order(ada)["order"]["id"] for _ in range(3)]
    page = ada.get("/api/payments?limit=2").json
    rest = ada.get(f"/api/payments?limit=2&cursor={page['next']}").json
    assert [item["order_id"] for item in page["items"] + rest["items"]] == placed[::-1]


def test_the_methods_are_public(client: FlaskClient) -> None:
    told = {way["method"]: (way["provider"], way["usable"], way["why"]) for way in ways(client.get)}
    assert told == {
        "card": ("sandbox", True, ""),
        "bank_transfer": ("shop", True, ""),
        "cash_on_delivery": ("shop", True, ""),
        "wallet": ("shop", False, "account_needed"),
    }


def ways(get: Any, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(f"/api/payments/methods{query}").json["items"]
    return found


def test_what_is_in_the_wallet_decides_what_a_cart_can_be_paid_with(ada: Person, sam: Person) -> None:
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    assert ways(ada.get, "?cart=me")[-1]["why"] == "insufficient_credit"
    credit(sam, ada, 10_000)
    assert ways(ada.get, "?cart=me")[-1]["usable"] is True
    assert ada.get("/api/payments/methods?order=0199aaaa-0000-7000-8000-000000000000").status_code == 404


def test_customers_are_told_of_their_own_notifications(people: People, sent: list[Mail]) -> None:
    ada, bob, sam = people.join("Ada"), people.join("Bob"), people.join("Sam", role="staff")
    placed = order(ada)
    drive(placed["job"]["id"])
    told = [item for item in ada.get("/api/notifications").json["items"] if item["event"] == "order_confirmed"]
    assert [(n["subject_id"], n["recipient"], n["channel"], n["status"]) for n in told] == [
        (placed["order"]["id"], ada.email, "email", "sent")
    ]
    assert told[0] not in bob.get("/api/notifications").json["items"]
    assert told[0] | {"asked_by": None} in sam.get("/api/notifications").json["items"]
