"""Addresses in the form of their country, and the book's default where an order names none."""

# ruff: noqa: RUF001 - digits that look like others are what some of this is about

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, put_on_shelf, wish
from tests.api.clients import People, Person, post, problem

BOOK = "/api/users/me/addresses"
WHO = {"name": "Ada", "line1": "Nathan Road 1"}


@pytest.mark.parametrize(
    "form",
    [
        {"country": "HK", "city": "Kowloon"},  # no postal codes there
        {"country": "HK", "region": "Kowloon"},
        {"country": "AE", "city": "Dubai"},
        {"country": "IE", "city": "Dublin"},  # has them and asks for none
        {"country": "SG", "postal_code": "018956"},  # is one city
        {"country": "JP", "region": "Tokyo", "postal_code": "100-0001"},
        {"country": "US", "city": "San Francisco", "region": "CA", "postal_code": "94105-1234"},
    ],
)
def test_a_country_is_asked_for_what_its_addresses_have(ada: Person, form: dict[str, str]) -> None:
    answer = ada.post(BOOK, WHO | form)
    assert answer.status_code == 201, answer.text
    assert {name: value for name, value in answer.json.items() if name in WHO | form} == WHO | form
    assert ada.get(f"{BOOK}/{answer.json['id']}").json == answer.json


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"country": "DE", "city": "Berlin"}, {"postal_code"}),
        ({"country": "DE", "postal_code": "10115"}, {"city"}),
        ({"country": "DE", "city": "Berlin", "postal_code": "1011"}, {"postal_code"}),
        ({"country": "US", "city": "Boston", "region": "MA", "postal_code": "SW1Y 4JH"}, {"postal_code"}),
        ({"country": "JP", "postal_code": "100-0001"}, {"region"}),
        ({"country": "HK"}, {"region"}),
        ({"country": "DE", "city": "Berlin", "postal_code": "10115", "phone": "ext. 5"}, {"phone"}),
        ({"country": "DE", "city": "Berlin", "postal_code": "10115", "phone": "1"}, {"phone"}),
        ({"country": "DE", "city": "Berlin", "postal_code": "10115", "phone": "+999 1234567"}, {"phone"}),
    ],
)
def test_what_its_country_asks_for_and_is_missing_or_no_such_thing_is_named(
    ada: Person, form: dict[str, str], named: set[str]
) -> None:
    answer = ada.post(BOOK, WHO | form)
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == named
    assert ada.get(BOOK).json["items"] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("+49 30 123456 ext. 5", "+49 30 123456 ext. 5"),
        ("030/123456 x5", "+49 30 123456 ext. 5"),
        ("(030) 12 34 56", "+49 30 123456"),
        ("+1 (202) 555-0123", "+1 202-555-0123"),
    ],
)
def test_a_phone_number_is_read_as_its_country_writes_it_and_kept_in_one_form(
    ada: Person, given: str, kept: str
) -> None:
    assert ada.post(BOOK, ADDRESS | {"phone": given}).json["phone"] == kept


@pytest.mark.parametrize(
    ("country", "code", "kept"),
    [
        *(("DE", code, "10115") for code in ("D-10115", "de-10115", " 10115 ", "１０１１５", "101 15")),
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "m2 5bq", "M2 5BQ"),
        ("IN", "400 001", "400001"),
        ("PL", "31072", "31-072"),
        ("US", "941051234", "94105-1234"),
        ("JP", "〒１００-０００１", "100-0001"),
        ("SA", "١٢٢١١", "12211"),
        ("LV", "lv1073", "LV-1073"),
        ("LU", "L-1009", "1009"),
    ],
)  # fmt: skip
def test_a_postal_code_is_kept_in_one_form(ada: Person, country: str, code: str, kept: str) -> None:
    answer = ada.post(BOOK, ADDRESS | {"country": country, "region": "Maine", "postal_code": code})
    assert answer.json.get("postal_code") == kept, answer.text


def test_what_is_empty_is_not_there(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR")
    ada = people.join()
    empty: dict[str, Any] = {"line2": " ", "region": "", "phone": ""}
    assert ada.post(BOOK, ADDRESS | empty).json["phone"] is None
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    order = ada.post("/api/orders", wish(shipping_address=ADDRESS | empty)).json["order"]
    assert order["shipping_address"] == ADDRESS


def test_an_order_that_names_no_address_goes_to_the_books_default(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR")
    ada = people.join()
    ada.post(BOOK, ADDRESS)
    ada.post(BOOK, ADDRESS | {"city": "Potsdam", "postal_code": "14467", "default_shipping": True})
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    unnamed = {name: value for name, value in wish().items() if name != "shipping_address"}
    order = ada.post("/api/orders", unnamed)
    assert order.status_code == 202, order.text
    assert order.json["order"]["shipping_address"]["city"] == "Potsdam"


def test_without_a_default_an_order_says_where_it_goes(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR")
    unnamed = {name: value for name, value in wish().items() if name != "shipping_address"}
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    cart = post(app, "/api/cart", {}).json["id"]
    post(app, f"/api/cart/{cart}", {"sku": "CHAIR", "quantity": 1})
    guest = unnamed | {"cart": cart, "email": "guest@example.com"}
    for answer in (ada.post("/api/orders", unnamed), post(app, "/api/orders", guest)):
        assert problem(answer) == (422, "validation_failed")
        assert set(answer.json["errors"]) == {"shipping_address"}
    assert ada.get("/api/orders").json["items"] == []
