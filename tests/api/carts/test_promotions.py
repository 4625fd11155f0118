"""Promotions: staff make them, carts have them at once, the database's clock starts and ends them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update

import db
from db.functions import in_seconds
from shop.pricing.offers import OfferRow
from shop.pricing.rates import ShippingMethodRow, TaxRateRow
from tests.api.catalogue_data import ADDRESS, SHIPPING, count, put_on_shelf, wish
from tests.api.clients import People, Person, problem
from tests.api.offers import TEN_OFF, filled, promotion
from tests.fixtures import Configure

CHAIR = 2000
EUROS = {"amount": 500, "currency": "EUR"}


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=CHAIR, on_hand=50)
    put_on_shelf("LAMP", price=500, on_hand=9, category="lights")


@pytest.fixture
def staff(people: People) -> Person:
    return people.join("Sam", role="staff")


def cart(person: Person) -> dict[str, Any]:
    seen: dict[str, Any] = person.get("/api/cart/me").json
    return seen


def amounts(body: dict[str, Any]) -> list[int]:
    return [body[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")]


def set_clock(id: str, **moments: Any) -> None:
    with db.transaction() as session:
        session.execute(update(OfferRow).where(OfferRow.id == id).values(moments))


def test_staff_make_change_list_and_take_away(staff: Person) -> None:
    made = staff.post("/api/promotions", TEN_OFF | {"minimum": EUROS, "category": "furniture"})
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    assert staff.get(path).json == made.json
    assert (made.json["percent"], made.json["minimum"], made.json["amount"]) == (10, EUROS, None)
    changed = staff.ask("PATCH", path, {"percent": 20, "category": None})
    assert (changed.status_code, changed.json["percent"], changed.json["category"]) == (200, 20, None)
    assert staff.get("/api/promotions").json == {"items": [changed.json], "next": None}
    assert staff.ask("DELETE", path).status_code == 204
    assert problem(staff.get(path)) == (404, "not_found")
    assert count(OfferRow) == 0


def test_the_list_has_pages_and_no_coupons(staff: Person) -> None:
    made = [promotion(name=f"number {number}") for number in range(3)]
    promotion(code="HIDDEN")
    first = staff.get("/api/promotions?limit=2").json
    second = staff.get(f"/api/promotions?limit=2&cursor={first['next']}").json
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "x", "kind": "percentage"}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 101}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 0}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 100.01}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 12.345}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 0.001}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": "12.5"}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": True}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 10**400}, {"percent"}),
        ({"name": "x", "kind": "percentage", "percent": 10, "amount": EUROS}, {"amount"}),
        ({"name": "x", "kind": "fixed", "amount": EUROS | {"currency": "XXY"}}, {"amount.currency"}),
        ({"name": "x", "kind": "fixed", "amount": EUROS | {"amount": 0}}, {"amount"}),
        ({"name": "x", "kind": "fixed", "amount": EUROS | {"amount": -5}}, {"amount.amount"}),
        ({"name": "x", "kind": "buy_x_get_y", "buy": 2}, {"free"}),
        ({"name": "x", "kind": "free_shipping", "percent": 5}, {"percent"}),
        ({"name": "x", "kind": "magic"}, {"kind"}),
        (TEN_OFF | {"code": "X"}, {"code"}),
        (TEN_OFF | {"uses": 1}, {"uses"}),
        (TEN_OFF | {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}, {"ends_at"}),
        (TEN_OFF | {"starts_at": "2026-01-02T00:00:00"}, {"starts_at"}),
    ],
)
def test_an_offer_that_makes_no_sense_is_422_and_changes_no_price(staff: Person, body: Any, fields: set[str]) -> None:
    filled(staff, code=None)
    answer = staff.post("/api/promotions", body)
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == fields
    assert count(OfferRow) == 0
    assert cart(staff)["discount"]["amount"] == 0


def test_a_change_that_makes_no_sense_changes_nothing(staff: Person) -> None:
    id = promotion()
    for change in ({"percent": None}, {"amount": EUROS}, {"kind": "fixed"}, {"name": ""}):
        assert problem(staff.ask("PATCH", f"/api/promotions/{id}", change)) == (422, "validation_failed")
    seen = staff.get(f"/api/promotions/{id}").json
    assert (seen["percent"], seen["amount"], seen["name"]) == (10, None, "Ten off")


@pytest.mark.parametrize("percent", [12.5, 12.35, 0.01, 99.99, 10, 100])
def test_an_offer_may_take_a_fraction_of_a_per_cent(staff: Person, percent: float) -> None:
    """0.29 per cent is 29 hundredths, whatever a float makes of it: of 1,000,000 cents every hundredth is 100."""
    put_on_shelf("PALACE", price=1_000_000, category="houses")
    made = staff.post("/api/promotions", {"name": "Odd", "kind": "percentage", "percent": percent})
    assert (made.status_code, made.json["percent"]) == (201, percent)
    filled(staff, "PALACE", code=None)
    assert cart(staff)["discount"]["amount"] == round(percent * 100) * 100
    changed = staff.ask("PATCH", f"/api/promotions/{made.json['id']}", {"percent": 7.25})
    assert (changed.json["percent"], cart(staff)["discount"]["amount"]) == (7.25, 72_500)


def test_customers_neither_see_nor_make_them(people: People) -> None:
    ada, id = people.join(), promotion()
    for verb, path, body in [
        ("GET", "/api/promotions", None),
        ("POST", "/api/promotions", TEN_OFF),
        ("GET", f"/api/promotions/{id}", None),
        ("PATCH", f"/api/promotions/{id}", {"percent": 99}),
        ("DELETE", f"/api/promotions/{id}", None),
    ]:
        assert problem(ada.ask(verb, path, body)) == (403, "forbidden")
    assert count(OfferRow, OfferRow.percent == 1000) == 1


def test_a_coupon_is_no_promotion(staff: Person) -> None:
    id = promotion(code="HIDDEN")
    for verb, body in (("GET", None), ("PATCH", {"percent": 99}), ("DELETE", None)):
        assert problem(staff.ask(verb, f"/api/promotions/{id}", body)) == (404, "not_found")
    assert count(OfferRow, OfferRow.percent == 1000) == 1


def test_a_cart_has_it_line_by_line_and_the_order_keeps_it(people: People) -> None:
    promotion(category="furniture")
    ada = filled(people.join(), code=None)
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 2})
    ada.post("/api/cart/me/shipping", {"shipping_method": "standard"})
    seen = cart(ada)
    assert amounts(seen) == [3000, 200, SHIPPING, 0, 2800 + SHIPPING]
    assert [(one["sku"], one["discount"]["amount"]) for one in seen["lines"]] == [("CHAIR", 200), ("LAMP", 0)]
    assert [(part["label"], part["amount"]["amount"]) for part in seen["breakdown"]] == [
        ("1 x Chair Plain", 2000),
        ("2 x Lamp Plain", 1000),
        ("Ten off", -200),
        ("Shipping, standard", SHIPPING),
    ]
    order = ada.post("/api/orders", wish()).json["order"]
    assert amounts(order) == amounts(seen)
    assert (order["breakdown"], order["coupon_code"]) == (seen["breakdown"], None)
    assert [one["discount"]["amount"] for one in order["lines"]] == [200, 0]
    assert ada.get(f"/api/orders/{order['id']}").json["breakdown"] == seen["breakdown"]


def test_it_applies_between_its_moments_by_the_databases_clock(people: People) -> None:
    ada, id = filled(people.join(), code=None), promotion()
    seen = []
    for moments in (
        {"starts_at": in_seconds(60.0), "ends_at": None},
        {"starts_at": in_seconds(-1.0), "ends_at": in_seconds(60.0)},
        {"starts_at": in_seconds(-60.0), "ends_at": in_seconds(-0.001)},
    ):
        set_clock(id, **moments)
        seen.append(cart(ada)["discount"]["amount"])
    assert seen == [0, 200, 0]


def test_p11_it_ends_by_itself_with_nobody_there_to_end_it(people: People, staff: Person) -> None:
    ada = filled(people.join(), code=None)
    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    assert staff.post("/api/promotions", TEN_OFF | {"ends_at": soon}).status_code == 201
    assert cart(ada)["discount"]["amount"] == 200
    wait = datetime.fromisoformat(soon) - datetime.now(UTC)
    time.sleep(max(0.0, wait.total_seconds() + 0.05))
    assert ada.post("/api/orders", wish()).json["order"]["discount"]["amount"] == 0


def test_a_promotion_that_changes_after_the_order_changes_the_order_no_more(people: People, staff: Person) -> None:
    id = promotion()
    ada = filled(people.join(), code=None)
    order = ada.post("/api/orders", wish()).json["order"]
    staff.ask("PATCH", f"/api/promotions/{id}", {"percent": 90})
    seen = ada.get(f"/api/orders/{order['id']}").json
    assert (seen["total"], seen["discount"]) == (order["total"], order["discount"])


def test_the_price_of_the_moment_of_ordering_counts(people: People, staff: Person) -> None:
    id = promotion()
    ada = filled(people.join(), code=None)
    assert cart(ada)["total"]["amount"] == 1800
    staff.ask("PATCH", f"/api/promotions/{id}", {"percent": 50})
    assert ada.post("/api/orders", wish()).json["order"]["total"]["amount"] == 1000 + SHIPPING


def test_it_follows_its_category_to_another_place(people: People, staff: Person) -> None:
    for category in ("furniture", "furniture/chairs", "lights"):
        promotion(category=category)
    ada = filled(people.join(), code=None)
    [furniture] = [one for one in staff.get("/api/categories").json["items"] if one["path"] == "furniture"]
    assert staff.ask("PATCH", f"/api/categories/{furniture['id']}", {"path": "wood"}).status_code == 200
    found = [one["category"] for one in staff.get("/api/promotions").json["items"]]
    assert found == ["lights", "wood/chairs", "wood"]
    assert cart(ada)["discount"]["amount"] == 200 + 180


def test_free_shipping_is_not_paid(people: People) -> None:
    promotion(kind="free_shipping", percent=None, name="Free shipping", minimum=1000)
    ada = filled(people.join(), code=None)
    assert amounts(ada.post("/api/orders", wish()).json["order"]) == [2000, 0, 0, 0, 2000]


def test_shipping_rates_stand_in_a_table(people: People) -> None:
    with db.transaction() as session:
        session.execute(insert(ShippingMethodRow).values(code="pigeon", name="Pigeon", rate=99, free_above=4000))
        session.execute(update(ShippingMethodRow).where(ShippingMethodRow.code == "express").values(active=False))
    ada = filled(people.join(), code=None)
    assert ada.post("/api/cart/me/shipping", {"shipping_method": "pigeon"}).json["shipping"]["amount"] == 99
    assert ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1}).json["shipping"]["amount"] == 0
    for body in ({"shipping_method": "express"}, {"shipping_method": "pigeon", "country": "XX"}):
        assert problem(ada.post("/api/cart/me/shipping", body)) == (422, "validation_failed")
    assert problem(ada.post("/api/orders", wish(shipping_method="express"))) == (422, "validation_failed")
    assert cart(ada)["shipping_method"] == "pigeon"


@pytest.mark.parametrize(("included", "total"), [("true", 2000 + SHIPPING), ("false", 2000 + 400 + SHIPPING + 98)])
def test_tax_is_that_of_the_country_it_goes_to(people: People, configure: Configure, included: str, total: int) -> None:
    with db.transaction() as session:
        session.execute(insert(TaxRateRow).values(country="AT", tax_class="standard", rate=2000))
    configure(PRICES_INCLUDE_TAX=included)
    ada = filled(people.join(), code=None)
    assert cart(ada)["tax"]["amount"] == 0, "no rate is known for DE, where the shop is"
    there = ada.post("/api/cart/me/shipping", {"shipping_method": "standard", "country": "AT"}).json
    order = ada.post(
        "/api/orders", wish(shipping_address=ADDRESS | {"city": "Wien", "postal_code": "1010", "country": "AT"})
    ).json["order"]
    assert order["total"]["amount"] == total
    assert amounts(order) == amounts(there)
    assert order["tax_included"] is (included == "true")
    assert order["tax"]["amount"] == (333 + 82 if included == "true" else 498)


def test_classes_of_goods_have_their_own_tax(people: People, staff: Person) -> None:
    with db.transaction() as session:
        rates = [("standard", 1900), ("reduced", 700)]
        session.execute(
            insert(TaxRateRow), [{"country": "DE", "tax_class": name, "rate": rate} for name, rate in rates]
        )
    path = staff.get("/api/products/lamp")
    changed = staff.ask("PATCH", "/api/products/lamp", {"tax_class": "reduced"}, **{"If-Match": path.headers["ETag"]})
    assert (changed.status_code, changed.json["tax_class"]) == (200, "reduced")
    ada = filled(people.join(), code=None)
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    assert [one["tax"]["amount"] for one in cart(ada)["lines"]] == [319, 33]
