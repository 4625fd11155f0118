"""What a customer does with an order that is through: print its invoice, order the same once more."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

import db
from shop.catalogue.tables import VariantRow
from tests.api.bank import Bank
from tests.api.catalogue_data import (
    ADDRESS,
    call_buyer,
    change_price,
    guests_cart,
    guests_order,
    order,
    paid,
    put_on_shelf,
    shipped,
    wish,
)
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


# --- invoices ---------------------------------------------------------------------------------------


def test_an_invoice_says_what_was_bought_and_paid(ada: Person) -> None:
    id = paid(ada, quantity=2)
    answer = ada.get(f"/api/orders/{id}/invoice")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    number = ada.get(f"/api/orders/{id}").json["number"]
    for words in (
        "Invoice 0000001",
        f"Order {number}",
        "Chair Plain",
        "€19.99",
        "€39.98",
        "€4.90",
        "€44.88",
        "10115",
    ):
        assert words in answer.text
    assert "Refunded" not in answer.text


def test_names_are_text_on_an_invoice(ada: Person) -> None:
    put_on_shelf("EVIL", name="<script>alert(1)</script>{{ 7*7 }}")
    ada.post("/api/cart/me", {"sku": "EVIL", "quantity": 1})
    placed = ada.post("/api/orders", wish(shipping_address=ADDRESS)).json
    call_buyer(placed["order"]["id"], "<img src=x>")
    drive(placed["job"]["id"])
    page = ada.get(f"/api/orders/{placed['order']['id']}/invoice").text
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page


def test_an_invoice_does_not_say_what_went_back_and_a_credit_note_does(ada: Person) -> None:
    id = paid(ada)
    before = ada.get(f"/api/orders/{id}/invoice").text
    drive(ada.post(f"/api/orders/{id}/cancel").json["job"]["id"])
    assert ada.get(f"/api/orders/{id}/invoice").text == before
    [note] = ada.get(f"/api/orders/{id}/credit-notes").json["items"]
    assert (note["invoice"], note["amount"]) == ("0000001", {"amount": 2489, "currency": "EUR"})


def test_there_is_no_invoice_before_the_order_is_paid(ada: Person) -> None:
    id = order(ada)["order"]["id"]
    assert problem(ada.get(f"/api/orders/{id}/invoice")) == (409, "illegal_state")


def test_an_invoice_is_its_owners(app: Flask, ada: Person, people: People) -> None:
    id = paid(ada)
    assert problem(people.join("Bob").get(f"/api/orders/{id}/invoice")) == (404, "not_found")
    assert problem(ask(app, "GET", f"/api/orders/{id}/invoice")) == (404, "not_found")
    cart = guests_cart(app)
    placed = guests_order(app, cart).json
    drive(placed["job"]["id"])
    where = f"/api/orders/{placed['order']['id']}/invoice"
    assert problem(ask(app, "GET", f"{where}?token={cart}")) == (404, "not_found")
    assert ask(app, "GET", f"{where}?token={placed['order_token']}").status_code == 200


# --- once more ----------------------------------------------------------------------------------------


def test_the_same_once_more_is_in_the_cart_at_todays_prices(ada: Person) -> None:
    id = paid(ada, quantity=2)
    change_price("CHAIR", 2500)
    cart = ada.post(f"/api/orders/{id}/reorder", {}).json
    assert [(line["sku"], line["quantity"], line["unit_price"]["amount"]) for line in cart["lines"]] == [
        ("CHAIR", 2, 2500)
    ]
    assert [(problem["code"], problem["sku"]) for problem in cart["problems"]] == [("price_changed", "CHAIR")]
    assert ada.get("/api/cart/me").json["lines"] == cart["lines"]


def test_what_is_no_longer_sold_is_told_and_left_out(ada: Person) -> None:
    put_on_shelf("TABLE", price=9900, on_hand=1)
    ada.post("/api/cart/me", {"sku": "TABLE", "quantity": 1})
    id = paid(ada)
    with db.transaction() as session:
        session.execute(update(VariantRow).where(VariantRow.sku == "CHAIR").values(active=False))
    cart = ada.post(f"/api/orders/{id}/reorder", {}).json
    assert [line["sku"] for line in cart["lines"]] == ["TABLE"]
    assert sorted((problem["code"], problem["sku"]) for problem in cart["problems"]) == [
        ("archived", "CHAIR"),
        ("out_of_stock", "TABLE"),
    ]


def test_more_than_a_cart_takes_is_told_and_the_cart_stays_as_it_was(ada: Person) -> None:
    id = paid(ada, quantity=2)
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 998})
    cart = ada.post(f"/api/orders/{id}/reorder", {}).json
    assert [line["quantity"] for line in cart["lines"]] == [998]
    assert ("too_many", "CHAIR") in [(problem["code"], problem["sku"]) for problem in cart["problems"]]


def test_one_key_fills_the_cart_once(ada: Person) -> None:
    id = paid(ada)
    for _ in range(2):
        assert ada.post(f"/api/orders/{id}/reorder", {}, **{"Idempotency-Key": "k"}).status_code == 200
    assert [line["quantity"] for line in ada.get("/api/cart/me").json["lines"]] == [1]


def test_nobody_reorders_what_is_somebody_elses_or_into_a_cart_that_is(ada: Person, people: People) -> None:
    id, bob = paid(ada), people.join("Bob")
    assert problem(bob.post(f"/api/orders/{id}/reorder", {})) == (404, "not_found")
    assert problem(ada.post(f"/api/orders/{id}/reorder", {"cart": bob.id})) == (404, "not_found")
    assert bob.get("/api/cart/me").json["lines"] == ada.get("/api/cart/me").json["lines"] == []


def test_a_guest_reorders_into_the_cart_they_name(app: Flask) -> None:
    token = guests_cart(app)
    placed = guests_order(app, token).json
    where, headers = f"/api/orders/{placed['order']['id']}/reorder", {"X-Order-Token": placed["order_token"]}
    assert problem(ask(app, "POST", where, {}, headers)) == (401, "unauthenticated")
    answer = ask(app, "POST", where, {"cart": token}, headers)
    assert [line["sku"] for line in answer.json["lines"]] == ["CHAIR"]


# --- what the shop knows ------------------------------------------------------------------------------


def test_an_export_has_ones_own_orders_and_returns_and_nobody_elses(ada: Person, people: People) -> None:
    id, bob = paid(ada), people.join("Bob")
    shipped(people.join("Sam", role="staff"), id)
    ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "CHAIR", "quantity": 1}], "reason": "too soft"})
    [told] = ada.get("/api/users/me/export").json["orders"]
    assert told["number"] == ada.get(f"/api/orders/{id}").json["number"]
    assert (told["email"], told["shipping_address"]["line1"], told["total"]) == (ada.email, "Main Street 1", 2489)
    assert [line["sku"] for line in told["lines"]] == ["CHAIR"]
    assert [(back["reason"], back["goods"]) for back in told["returns"]] == [("too soft", {"CHAIR": 1})]
    assert bob.get("/api/users/me/export").json["orders"] == []
