"""What the staff do at their desk with orders: find them and write notes about them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from shop.orders.staff_notes import OrderNoteRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, guests_cart, guests_order, order, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, ask, problem

pytestmark = pytest.mark.usefixtures("sent")

NOBODYS = "0199aaaa-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def found(person: Person, query: str) -> list[str]:
    return [item["id"] for item in person.get(f"/api/orders?{query}").json["items"]]


def test_staff_find_orders_by_number_address_and_status(app: Flask, people: People, sam: Person) -> None:
    ada = people.join("Ada")
    first, second = paid(ada), order(ada)["order"]["id"]
    guests = guests_order(app, guests_cart(app), email="Guest_1@Example.com").json["order"]["id"]
    shipped(sam, first)
    number = ada.get(f"/api/orders/{first}").json["number"]
    assert found(sam, f"q={number}") == found(sam, f"q={number.lower()[:6]}") == [first]
    assert found(sam, "q=GUEST_1") == found(sam, "email=guest_1@example.COM") == [guests]
    assert found(sam, "q=guest%25") == found(sam, "q=guestX1") == [], "no wildcards"
    assert found(sam, "email=guest") == []
    assert found(sam, f"email={ada.email}&status=pending") == [second]
    assert found(sam, "payment_status=paid") == found(sam, "fulfilment_status=fulfilled") == [first]
    assert found(sam, f"q={number}&status=pending") == []


def test_customers_find_among_their_own_only(app: Flask, people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    id = order(ada)["order"]["id"]
    number = ada.get(f"/api/orders/{id}").json["number"]
    assert (found(ada, f"q={number}"), found(bob, f"q={number}"), found(bob, f"email={ada.email}")) == ([id], [], [])


@pytest.mark.parametrize("query", ["status=lost", "payment_status=x", "fulfilment_status=", "q=", "q=a%00b"])
def test_a_search_that_makes_no_sense_is_422(sam: Person, query: str) -> None:
    assert problem(sam.get(f"/api/orders?{query}")) == (422, "validation_failed")


def test_words_of_sql_are_words(sam: Person, people: People) -> None:
    order(people.join("Ada"))
    for query in ("q=' OR 1=1 --", "q=%27%3B DROP TABLE orders", "email=' OR ''='"):
        assert found(sam, query) == []
    assert len(found(sam, "")) == 1


def test_notes_are_for_the_staff(app: Flask, people: People, sam: Person) -> None:
    ada, admin = people.join("Ada"), people.join("Boss", role="admin")
    id = order(ada)["order"]["id"]
    where = f"/api/orders/{id}/notes"
    answer = sam.post(where, {"text": "Phoned her,\nshe is in on Monday."})
    assert answer.status_code == 201
    assert (answer.json["text"], answer.json["author_id"]) == ("Phoned her,\nshe is in on Monday.", sam.id)
    second = admin.post(where, {"text": "Thank you."}).json
    assert admin.get(where).json == {"items": [answer.json, second], "next": None}
    assert problem(ada.get(where)) == (403, "forbidden")
    assert problem(ada.post(where, {"text": "Me too"})) == (403, "forbidden")
    assert problem(ask(app, "GET", where)) == (401, "unauthenticated")
    for path in (f"/api/orders/{id}", f"/api/orders/{id}/timeline"):
        assert "Phoned" not in ada.get(path).text
    assert count(OrderNoteRow) == 2


@pytest.mark.parametrize(
    "wish", [{}, {"text": ""}, {"text": "x" * 2001}, {"text": 1}, {"text": "x", "author_id": NOBODYS}]
)
def test_a_note_that_makes_no_sense_is_422(people: People, sam: Person, wish: dict[str, Any]) -> None:
    id = order(people.join("Ada"))["order"]["id"]
    assert problem(sam.post(f"/api/orders/{id}/notes", wish)) == (422, "validation_failed")
    assert problem(sam.post(f"/api/orders/{NOBODYS}/notes", {"text": "x"})) == (404, "not_found")
    assert count(OrderNoteRow) == 0
