"""Prices by currency: set by staff, never converted; a cart has one, and everything in it is priced in that."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import db
from engine.tables import RunRow
from gateways.mail import Mail
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, order, put_on_shelf, wish
from tests.api.clients import People, Person, post, problem
from tests.api.inline_worker import drive
from tests.api.offers import coupon, promotion

CHAIR, LAMP = "/api/products/chair", "/api/products/lamp"


def dollars(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _goods(app: Flask, sam: Person, sent: object) -> None:
    """The chair is sold for dollars as well, the lamp is not."""
    put_on_shelf("CHAIR", price=2000, on_hand=9)
    put_on_shelf("LAMP", price=500, on_hand=9)
    answer = sam.ask("PATCH", f"{CHAIR}/variants/CHAIR", {"prices": [dollars(2500)]})
    assert answer.json["variants"][0]["prices"] == [dollars(2500)]


def shipped_for(sam: Person, *rates: dict[str, Any]) -> None:
    answer = sam.ask("PATCH", "/api/shipping-methods/standard", {"rates": list(rates)})
    assert answer.status_code == 200, answer.text


def in_dollars(person: Person, *skus: str) -> Any:
    """The cart of this person, with these in it."""
    person.post("/api/cart/me/currency", {"currency": "USD"})
    for sku in skus:
        assert person.post("/api/cart/me", {"sku": sku, "quantity": 1}).status_code == 200
    return person.get("/api/cart/me").json


def codes(cart: Any) -> list[tuple[str, str | None]]:
    return [(problem["code"], problem["sku"]) for problem in cart["problems"]]


def test_products_are_found_sorted_and_shown_at_the_prices_of_the_asked_currency(
    client: FlaskClient, sam: Person
) -> None:
    desk = {
        "sku": "DESK",
        "name": "Oak",
        "price": euros(100),
        "prices": [dollars(9900), dollars(9) | {"currency": "JPY"}],
    }
    sam.post("/api/products", {"slug": "desk", "name": "Desk", "variants": [desk]})
    found = client.get("/api/products?currency=USD&sort=price").json
    assert [(item["slug"], item["variants"][0]["price"]) for item in found["items"]] == [
        ("chair", dollars(2500)),
        ("desk", dollars(9900)),
    ]
    assert found["facets"]["price"] == {"min": dollars(2500), "max": dollars(9900)}
    one = client.get("/api/products?currency=USD&sort=-price&limit=1").json
    assert (
        client.get(f"/api/products?currency=USD&sort=-price&cursor={one['next']}").json["items"][0]["slug"] == "chair"
    )
    for query, slugs in (("min_price=3000", ["desk"]), ("max_price=3000", ["chair"]), ("q=lamp", [])):
        assert [p["slug"] for p in client.get(f"/api/products?currency=USD&{query}").json["items"]] == slugs
    assert [p["slug"] for p in client.get("/api/products?sort=price").json["items"]] == ["desk", "lamp", "chair"]
    assert client.get(f"{CHAIR}?currency=USD").json["variants"][0]["price"] == dollars(2500)
    assert client.get(CHAIR).json["variants"][0]["price"] == euros(2000)
    assert client.get(f"{LAMP}?currency=USD").json["variants"] == []
    for path in ("/api/products?currency=usd", f"{CHAIR}?currency=XXX"):
        assert problem(client.get(path)) == (422, "validation_failed")


def test_a_price_list_is_replaced_whole_and_an_edit_of_something_else_leaves_it(sam: Person) -> None:
    def prices(changes: dict[str, Any]) -> Any:
        return sam.ask("PATCH", f"{CHAIR}/variants/CHAIR", changes).json["variants"][0]["prices"]

    assert prices({"name": "Plainer"}) == [dollars(2500)]
    assert prices({"prices": [dollars(1) | {"currency": "GBP"}, dollars(2600)]}) == [
        {"amount": 1, "currency": "GBP"},
        dollars(2600),
    ]
    assert prices({"prices": []}) == []


def test_import_and_export_carry_prices_as_columns(client: FlaskClient, sam: Person) -> None:
    line = json.dumps({"slug": "lamp", "name": "Lamp", "sku": "LAMP", "price_cents": 500, "price_GBP": 450})
    headers = sam.headers | {"Content-Type": "application/x-ndjson"}
    job = sam.app.test_client().post("/api/products/import", data=line, headers=headers).json["job"]["id"]
    assert drive(job) == "succeeded"
    assert client.get(f"{LAMP}?currency=GBP").json["variants"][0]["price"]["amount"] == 450
    exported = sam.get("/api/products/export").text
    told = {
        row["sku"]: (row["price_cents"], row["price_GBP"], row["price_USD"])
        for row in csv.DictReader(io.StringIO(exported))
    }
    assert told == {"CHAIR": ("2000", "", "2500"), "LAMP": ("500", "450", "")}
    headers["Content-Type"] = "text/csv"
    again = sam.app.test_client().post("/api/products/import", data=exported, headers=headers).json["job"]["id"]
    assert drive(again) == "succeeded"
    assert sam.get("/api/products/export").text == exported


def test_an_order_in_dollars_is_dollars_to_the_end(app: Flask, people: People, sam: Person, bank: Bank) -> None:
    shipped_for(sam, {"rate": dollars(700), "free_above": dollars(9900)})
    ada = people.join()
    cart = in_dollars(ada, "CHAIR")
    assert (cart["currency"], cart["lines"][0]["unit_price"], cart["problems"]) == ("USD", dollars(2500), [])
    assert ada.post("/api/cart/me/shipping", {"shipping_method": "standard"}).json["total"] == dollars(3200)
    placed = ada.post("/api/orders", wish()).json
    assert drive(placed["job"]["id"]) == "succeeded"
    told = ada.get(f"/api/orders/{placed['order']['id']}").json
    assert (told["total"], told["shipping"], told["subtotal"]) == (dollars(3200), dollars(700), dollars(2500))
    [payment] = ada.get("/api/payments").json["items"]
    assert (payment["captured"], payment["status"]) == (dollars(3200), "captured")
    assert "$32.00" in ada.get(f"/api/orders/{placed['order']['id']}/invoice").text
    assert ada.get("/api/cart/me").json["currency"] == "USD", "the next one is in it as well"


def test_what_has_no_price_in_the_carts_currency_is_not_put_in_and_not_ordered(people: People, sam: Person) -> None:
    shipped_for(sam, {"rate": dollars(700)})
    ada = people.join()
    in_dollars(ada, "CHAIR")
    refused = ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    assert (problem(refused), refused.json["sku"]) == ((409, "no_price_in_currency"), "LAMP")
    ada.post("/api/cart/me/currency", {"currency": "EUR"})
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    cart = ada.post("/api/cart/me/currency", {"currency": "USD"}).json
    assert (codes(cart), cart["subtotal"]) == ([("no_price_in_currency", "LAMP")], dollars(2500))
    assert problem(ada.post("/api/orders", wish())) == (409, "no_price_in_currency")
    ada.ask("DELETE", "/api/cart/me/items/LAMP")
    assert ada.post("/api/orders", wish()).status_code == 202


def test_shipping_is_offered_where_it_has_a_rate(people: People, sam: Person) -> None:
    ada = people.join()
    ada.post("/api/cart/me/shipping", {"shipping_method": "standard"})
    assert codes(in_dollars(ada, "CHAIR")) == [("shipping_unavailable", None)]
    assert problem(ada.post("/api/cart/me/shipping", {"shipping_method": "standard"})) == (422, "validation_failed")
    assert problem(ada.post("/api/orders", wish())) == (422, "validation_failed")
    shipped_for(sam, {"rate": dollars(700), "free_above": dollars(2500)})
    assert (ada.get("/api/cart/me").json["total"], codes(ada.get("/api/cart/me").json)) == (dollars(2500), [])
    standard = sam.get("/api/shipping-methods/standard").json
    assert (standard["rate"], standard["rates"]) == (
        euros(SHIPPING),
        [{"rate": dollars(700), "free_above": dollars(2500)}],
    )
    for bad in (
        [{"rate": euros(1)}],
        [{"rate": dollars(1), "free_above": euros(1)}],
        [{"rate": dollars(1)}, {"rate": dollars(2)}],
    ):
        assert problem(sam.ask("PATCH", "/api/shipping-methods/standard", {"rates": bad})) == (422, "validation_failed")
    shipped_for(sam, {"rate": dollars(800)})
    assert ada.get("/api/cart/me").json["shipping"] == dollars(800)
    assert sam.ask("DELETE", "/api/shipping-methods/standard").status_code == 204


def test_what_is_fixed_in_another_currency_does_not_apply_and_a_part_of_the_price_does(
    people: People, sam: Person
) -> None:
    promotion(kind="fixed", percent=None, amount=300)  # euros
    promotion(name="Half", percent=50, minimum=1000)
    made = sam.post("/api/promotions", {"name": "Two", "kind": "fixed", "amount": dollars(200), "minimum": dollars(1)})
    assert (made.json["amount"], made.json["minimum"]) == (dollars(200), dollars(1))
    coupon("FIVE", kind="fixed", percent=None, amount=500)
    coupon("TENTH")
    ada = people.join()
    assert in_dollars(ada, "CHAIR")["discount"] == dollars(200)
    refused = ada.post("/api/cart/me/coupons", {"code": "FIVE"})
    assert (problem(refused), refused.json["reason"]) == ((409, "coupon_not_usable"), "coupon_other_currency")
    assert ada.post("/api/cart/me/coupons", {"code": "TENTH"}).json["discount"] == dollars(430)
    ada.post("/api/cart/me/currency", {"currency": "EUR"})
    ada.post("/api/cart/me/coupons", {"code": "FIVE"})
    assert codes(ada.post("/api/cart/me/currency", {"currency": "USD"}).json) == [("coupon_other_currency", None)]
    path = f"/api/promotions/{made.json['id']}"
    assert problem(sam.ask("PATCH", path, {"amount": euros(1)})) == (422, "validation_failed")
    both = {"amount": euros(1), "minimum": euros(0)}
    assert sam.ask("PATCH", path, both).json["minimum"] == euros(0)
    mixed = {"name": "x", "kind": "fixed", "amount": dollars(1), "minimum": euros(1)}
    assert problem(sam.post("/api/promotions", mixed)) == (422, "validation_failed")


def test_merging_keeps_the_customers_currency_and_prices_anew(app: Flask, people: People) -> None:
    guests = post(app, "/api/cart", {"currency": "USD"}).json
    assert (guests["currency"], post(app, "/api/cart").json["currency"]) == ("USD", "EUR")
    post(app, f"/api/cart/{guests['id']}", {"sku": "CHAIR", "quantity": 2})
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    merged = ada.post("/api/cart/me/merge", {"from": guests["id"]}).json
    assert (merged["subtotal"], merged["problems"]) == (euros(4500), [])
    assert problem(post(app, "/api/cart", {"currency": "XXX"})) == (422, "validation_failed")


def test_ordering_again_in_another_currency_says_so(people: People, sam: Person) -> None:
    ada = people.join()
    for sku in ("LAMP", "CHAIR"):
        ada.post("/api/cart/me", {"sku": sku, "quantity": 1})
    placed = order(ada, "CHAIR")["order"]["id"]
    in_dollars(ada)
    again = ada.post(f"/api/orders/{placed}/reorder", {}).json
    assert codes(again) == [("no_price_in_currency", "LAMP"), ("price_changed", "CHAIR")]
    assert again["subtotal"] == dollars(5000)


def test_a_wallet_pays_in_its_own_currency(people: People, sam: Person) -> None:
    shipped_for(sam, {"rate": dollars(0)})
    ada = people.join()
    sam.post(f"/api/users/{ada.id}/wallet", {"amount": euros(9000), "reason": "sorry"})

    def pay() -> str:
        in_dollars(ada, "CHAIR")
        placed = ada.post("/api/orders", wish() | {"payment": {"method": "wallet"}})
        state: str = drive(placed.json["job"]["id"])
        return state

    assert pay() == "failed"
    ada.ask("DELETE", "/api/cart/me")
    assert sam.post(f"/api/users/{ada.id}/wallet", {"amount": dollars(2600), "reason": "sorry"}).status_code == 201
    assert pay() == "succeeded"
    balances = {one["currency"]: one["amount"] for one in ada.get("/api/users/me/wallet").json["balances"]}
    assert balances == {"EUR": 9000, "USD": 100}


@pytest.mark.parametrize(
    ("currency", "price", "written"),
    [("RSD", 244_550, "2,445.50"), ("JPY", 2445, "2,445"), ("KWD", 2_445_500, "2,445.500")],
)
def test_a_mail_asks_for_what_the_order_comes_to(
    ada: Person, sam: Person, sent: list[Mail], currency: str, price: int, written: str
) -> None:
    """Dinars have cents, whatever people are used to; yen have none, and those of Kuwait three digits."""
    money = {"amount": price, "currency": currency}
    assert sam.ask("PATCH", f"{CHAIR}/variants/CHAIR", {"prices": [money]}).status_code == 200
    shipped_for(sam, {"rate": {"amount": 0, "currency": currency}, "free_above": None})
    ada.post("/api/cart/me/currency", {"currency": currency})
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    placed = ada.post("/api/orders", wish() | {"payment": {"method": "bank_transfer"}}).json
    assert (placed["order"]["total"], drive(placed["job"]["id"])) == (money, "waiting")
    with db.reading() as session:
        letters = list(session.scalars(select(RunRow.id).where(RunRow.workflow == "send_notification")))
    assert [drive(id) for id in letters] == ["succeeded"] * len(letters)
    [mail] = [mail for mail in sent if written in mail.text]
    assert re.search(rf"(?<![\d.,]){re.escape(written)}(?![\d.,]?\d)", mail.text)
