"""Where the invoice goes, and whose it is: said with the order, or kept in the address book."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

import db
from db.schema import new_id
from doctor.privacy import nothing_is_left_of_who_left
from gateways.mail import Mail
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.privacy import order_anonymisation
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, count, guests_cart, guests_order, put_on_shelf, wish
from tests.api.clients import People, Person, problem

OFFICE = {
    "name": "Ada Ltd",
    "line1": "Office Road 2",
    "line2": "Floor 3",
    "city": "Hamburg",
    "postal_code": "20095",
    "country": "DE",
}
BOOK = "/api/users/me/addresses"
ARABIC = "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def billed(person: Person, **more: Any) -> Any:
    """What the order says of whom it is billed to: in the 202, and afterwards."""
    person.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    placed = person.post("/api/orders", wish(**more))
    assert placed.status_code == 202, placed.text
    body = placed.json["order"]
    seen = person.get(f"/api/orders/{body['id']}").json
    assert (seen["billing_address"], seen["vat_id"]) == (body["billing_address"], body["vat_id"])
    return said(body)


def said(order: Any) -> Any:
    return {name: value for name, value in order["billing_address"].items() if value is not None}, order["vat_id"]


def test_it_is_billed_to_whom_the_order_says(ada: Person) -> None:
    assert billed(ada, billing_address=OFFICE, vat_id=" de 123.456-789") == (OFFICE, "DE123456789")
    assert billed(ada) == (ADDRESS, None), "to where it is sent"


def test_an_account_keeps_an_address_for_it(ada: Person, people: People) -> None:
    ada.post(BOOK, ADDRESS)
    booked = ada.post(BOOK, OFFICE | {"default_billing": True}).json
    other = ada.post(BOOK, ADDRESS | {"line1": "Elsewhere 4"}).json
    assert billed(ada) == (OFFICE, None)
    assert billed(ada, billing_address_id=other["id"]) == (ADDRESS | {"line1": "Elsewhere 4"}, None)
    assert billed(ada, billing_address=ADDRESS) == (ADDRESS, None), "what the order says counts"
    assert billed(people.join("Bob")) == (ADDRESS, None), "another's book has no say"
    ada.ask("DELETE", f"{BOOK}/{booked['id']}")
    assert billed(ada) == (ADDRESS, None)


def test_a_change_of_the_book_changes_no_order(ada: Person) -> None:
    booked = ada.post(BOOK, OFFICE).json
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    id = ada.post("/api/orders", wish()).json["order"]["id"]
    ada.ask("PUT", f"{BOOK}/{booked['id']}", OFFICE | {"line1": "Moved 9"})
    assert said(ada.get(f"/api/orders/{id}").json) == (OFFICE, None)


def test_what_is_not_ones_own_or_no_address_is_refused(ada: Person, app: Flask, people: People) -> None:
    theirs = people.join("Bob").post(BOOK, OFFICE).json["id"]
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    for more, answer in (
        ({"billing_address_id": theirs}, (404, "not_found")),
        ({"billing_address_id": new_id()}, (404, "not_found")),
        ({"billing_address_id": theirs, "billing_address": OFFICE}, (422, "validation_failed")),
        ({"billing_address": {"country": "DE"}}, (422, "validation_failed")),
        ({"billing_address": None}, (422, "validation_failed")),
    ):
        assert problem(ada.post("/api/orders", wish(**more))) == answer
    assert problem(guests_order(app, guests_cart(app), billing_address_id=theirs)) == (401, "unauthenticated")
    assert count(OrderRow) == 0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("ATU12345678", "ATU12345678"),
        ("be 0123.456.789", "BE0123456789"),
        ("CHE-123.456.789 MWST", "CHE123456789MWST"),
        ("FR XX 123456789", "FRXX123456789"),
        ("GR123456789", "EL123456789"),
        ("GB123456789", "GB123456789"),
        ("NL123456789B01", "NL123456789B01"),
        ("IE1234567FA", "IE1234567FA"),
        ("BR12345678000199", "BR12345678000199"),
    ],
)
def test_a_vat_id_is_kept_in_one_spelling(app: Flask, said: str, kept: str) -> None:
    placed = guests_order(app, guests_cart(app), vat_id=said)
    assert (placed.status_code, placed.json["order"]["vat_id"]) == (202, kept)


@pytest.mark.parametrize("said", ["", "DE12345678", "DE1234567890", "123456789", "QQ123456789", f"DE{ARABIC}", "BR", 7])
def test_what_is_no_vat_id_is_refused(app: Flask, said: object) -> None:
    refused = guests_order(app, guests_cart(app), vat_id=said)
    assert problem(refused) == (422, "validation_failed")
    assert (list(refused.json["errors"]), count(OrderRow)) == (["vat_id"], 0)


def test_it_is_told_and_forgotten_with_the_person(ada: Person) -> None:
    billed(ada, billing_address=OFFICE, vat_id="DE123456789")
    [told] = ada.get("/api/users/me/export").json["orders"]
    assert (told["billing_address"]["line1"], told["vat_id"]) == ("Office Road 2", "DE123456789")
    with db.transaction() as session:
        order_anonymisation.forget(session, _ids())
    with db.reading() as session:
        row = orders.get(session, _ids()[0])
        assert (row.billing_address, row.vat_id) == ({"country": "DE"}, None)
        assert list(nothing_is_left_of_who_left(session)) == []
    with db.transaction() as session:
        orders.get(session, _ids()[0]).vat_id = "DE123456789"
    with db.reading() as session:
        [breach] = nothing_is_left_of_who_left(session)
        assert "has forgotten its customer and not the address" in breach


def _ids() -> list[str]:
    with db.reading() as session:
        return [row.id for row in orders.of_customer(session, None, limit=9)]
