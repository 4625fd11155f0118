"""Shipping methods and tax rates: staff set them, carts have them at the next look."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from shop.pricing.rates import ShippingMethodRow, TaxRateRow
from tests.api.catalogue_data import SHIPPING, count, put_on_shelf, wish
from tests.api.clients import People, Person, problem
from tests.api.offers import filled

CHAIR = 2000
DRONE = {"code": "drone", "name": "By drone", "rate": {"amount": 990, "currency": "EUR"}}


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=CHAIR, on_hand=50)


@pytest.fixture
def staff(people: People) -> Person:
    return people.join("Sam", role="staff")


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def test_staff_add_a_method_and_a_cart_goes_by_it(staff: Person, people: People) -> None:
    ada = filled(people.join("Ada"), code=None)
    made = staff.post("/api/shipping-methods", DRONE)
    assert (made.status_code, made.headers["Location"]) == (201, "/api/shipping-methods/drone")
    assert made.json == DRONE | {"free_above": None, "rates": [], "tax_class": "standard", "active": True}
    cart = ada.post("/api/cart/me/shipping", {"shipping_method": "drone"}).json
    assert (cart["shipping"], cart["total"]) == (euros(990), euros(CHAIR + 990))
    staff.ask("PATCH", "/api/shipping-methods/drone", {"free_above": euros(CHAIR)})
    assert ada.get("/api/cart/me").json["shipping"] == euros(0)


def test_everybody_sees_the_methods_page_by_page(people: People) -> None:
    ada = people.join("Ada")
    first = ada.get("/api/shipping-methods?limit=1").json
    assert [item["code"] for item in first["items"]] == ["express"]
    second = ada.get(f"/api/shipping-methods?limit=1&cursor={first['next']}").json
    assert [(item["code"], item["rate"]) for item in second["items"]] == [("standard", euros(SHIPPING))]
    assert second["next"] is None
    assert ada.get("/api/shipping-methods/standard").json == second["items"][0]


@pytest.mark.parametrize("how", ["removed", "not active"])
def test_a_cart_whose_method_is_gone_says_so_and_cannot_be_ordered_by_it(
    staff: Person, people: People, how: str
) -> None:
    ada = filled(people.join("Ada"), code=None)
    assert ada.post("/api/cart/me/shipping", {"shipping_method": "express"}).status_code == 200
    if how == "removed":
        assert staff.ask("DELETE", "/api/shipping-methods/express").status_code == 204
    else:
        assert staff.ask("PATCH", "/api/shipping-methods/express", {"active": False}).json["active"] is False
    cart = ada.get("/api/cart/me").json
    assert [found["code"] for found in cart["problems"]] == ["shipping_unavailable"]
    assert (cart["shipping"], cart["total"]) == (euros(0), euros(CHAIR))
    assert problem(ada.post("/api/orders", wish() | {"shipping_method": "express"})) == (422, "validation_failed")
    assert ada.get("/api/orders").json["items"] == []
    assert ada.post("/api/cart/me/shipping", {"shipping_method": "standard"}).json["problems"] == []


def test_a_code_is_given_once_even_to_many_who_ask_at_the_same_moment(staff: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: staff.post("/api/shipping-methods", DRONE), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + 7 * [409]
    taken = next(answer for answer in answers if answer.status_code == 409)
    assert (taken.json["code"], taken.json["title"]) == ("code_taken", "There is a shipping method with this code")
    assert count(ShippingMethodRow) == 3


def test_a_tax_rate_counts_from_the_next_look_on(staff: Person, people: People) -> None:
    ada = filled(people.join("Ada"), code=None)
    assert ada.get("/api/cart/me").json["tax"] == euros(0)
    rate = {"country": "DE", "tax_class": "standard", "rate": 1900, "shipping": None}
    assert staff.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 700}).json == rate | {"rate": 700}
    assert staff.ask("PUT", "/api/tax-rates/DE/standard", {"rate": 1900}).json == rate
    assert ada.get("/api/cart/me").json["tax"] == euros(319)
    assert staff.get("/api/tax-rates").json == {"items": [rate], "next": None}
    assert staff.ask("DELETE", "/api/tax-rates/DE/standard").status_code == 204
    assert ada.get("/api/cart/me").json["tax"] == euros(0)
    assert problem(staff.ask("DELETE", "/api/tax-rates/DE/standard")) == (404, "not_found")


def test_tax_rates_come_page_by_page(staff: Person) -> None:
    for key in ("DE/standard", "AT/standard", "DE/reduced"):
        staff.ask("PUT", f"/api/tax-rates/{key}", {"rate": 1000})
    seen, cursor = [], ""
    while cursor is not None:
        answer = staff.get(f"/api/tax-rates?limit=1{cursor and f'&cursor={cursor}'}").json
        seen += [(item["country"], item["tax_class"]) for item in answer["items"]]
        cursor = answer["next"]
    assert seen == [("AT", "standard"), ("DE", "reduced"), ("DE", "standard")]


BAD_METHODS = [
    {"code": "Drone"},
    {"code": "a" * 41},
    {"code": "../x"},
    {"rate": {"amount": -1, "currency": "EUR"}},
    {"rate": {"amount": 1.5, "currency": "EUR"}},
    {"rate": {"amount": 1, "currency": "XXX"}},
    {"rate": {"amount": 1, "currency": "USD"}},
    {"free_above": {"amount": 1, "currency": "USD"}},
    {"rate": 990},
    {"free_above": {"amount": 10**30, "currency": "EUR"}},
    {"tax_class": "Standard rate"},
    {"active": "yes"},
    {"name": "two\nlines"},
    {"price": 1},
]


@pytest.mark.parametrize("bad", BAD_METHODS, ids=str)
def test_a_bad_method_changes_nothing(staff: Person, bad: dict[str, Any]) -> None:
    assert problem(staff.post("/api/shipping-methods", DRONE | bad)) == (422, "validation_failed")
    assert count(ShippingMethodRow) == 2


@pytest.mark.parametrize(
    ("key", "body", "wanted"),
    [
        ("DE/standard", {"rate": 10001}, (422, "validation_failed")),
        ("DE/standard", {"rate": -1}, (422, "validation_failed")),
        ("DE/standard", {"rate": 19.0}, (422, "validation_failed")),
        ("DE/standard", {}, (422, "validation_failed")),
        ("XX/standard", {"rate": 1}, (404, "not_found")),
        ("de/standard", {"rate": 1}, (404, "not_found")),
        ("DE/Very%20high", {"rate": 1}, (404, "not_found")),
        ("DE/%00", {"rate": 1}, (404, "not_found")),
    ],
)
def test_a_bad_rate_changes_nothing(staff: Person, key: str, body: dict[str, Any], wanted: tuple[int, str]) -> None:
    assert problem(staff.ask("PUT", f"/api/tax-rates/{key}", body)) == wanted
    assert count(TaxRateRow) == 0
