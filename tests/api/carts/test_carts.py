"""Carts: one's own, a guest's behind a token, and the two together."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
from shop.carts.carts import CartLineRow, CartRow
from shop.catalogue.tables import VariantRow
from tests.api.catalogue_data import change_price, count, guests_cart, put_on_shelf
from tests.api.clients import People, Person, ask, post, problem

QUANTITIES: list[Any] = [-1, 1.5, "1e3", "2", True, None, 10**30, 1000, [], {}]
NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "1" * 5000]


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)
    put_on_shelf("LAMP", price=500, on_hand=9)


def lines(person: Person, owner: str = "me") -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in person.get(f"/api/cart/{owner}").json["lines"]}


def test_a_cart_that_never_was_is_empty_and_looking_writes_nothing(people: People) -> None:
    ada = people.join()
    cart = ada.get("/api/cart/me").json
    assert (cart["id"], cart["lines"], cart["total"]) == (ada.id, [], {"amount": 0, "currency": "EUR"})
    assert count(CartRow) == 0


def test_adding_answers_the_whole_cart_with_sums_that_add_up(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    ada.post("/api/cart/me/shipping", {"shipping_method": "express"})
    answer = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    cart = answer.json
    assert answer.status_code == 200
    assert [(line["sku"], line["quantity"], line["total"]["amount"]) for line in cart["lines"]] == [
        ("CHAIR", 3, 5997),
        ("LAMP", 1, 500),
    ]
    assert [cart[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")] == [
        6497,
        0,
        1290,
        0,
        7787,
    ]
    assert sum(part["amount"]["amount"] for part in cart["breakdown"]) == 7787
    assert cart == ada.get(f"/api/cart/{ada.id}").json == ada.get("/api/cart/me").json


def test_quantities_are_changed_and_lines_taken_out(people: People) -> None:
    ada = people.join()
    for sku in ("CHAIR", "LAMP"):
        ada.post("/api/cart/me", {"sku": sku, "quantity": 1})
    assert ada.ask("PATCH", "/api/cart/me/items/CHAIR", {"quantity": 4}).status_code == 200
    assert lines(ada) == {"CHAIR": 4, "LAMP": 1}
    ada.ask("PATCH", "/api/cart/me/items/CHAIR", {"quantity": 0})
    assert lines(ada) == {"LAMP": 1}
    assert ada.ask("DELETE", "/api/cart/me/items/LAMP").json["lines"] == []
    assert problem(ada.ask("DELETE", "/api/cart/me/items/LAMP")) == (404, "not_found")
    assert problem(ada.ask("PATCH", "/api/cart/me/items/LAMP", {"quantity": 1})) == (404, "not_found")


def test_a_cart_says_what_stands_in_the_way(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 6})
    ada.post("/api/cart/me", {"sku": "LAMP", "quantity": 1})
    change_price("CHAIR", 2500)
    with db.transaction() as session:
        session.execute(update(VariantRow).where(VariantRow.sku == "LAMP").values(active=False))
    cart = ada.get("/api/cart/me").json
    assert [(p["code"], p["sku"], p["detail"]) for p in cart["problems"]] == [
        ("out_of_stock", "CHAIR", "Only 5 left."),
        ("price_changed", "CHAIR", "The price has changed since you put it in."),
        ("archived", "LAMP", "This is no longer sold."),
    ]
    assert cart["total"]["amount"] == 6 * 2500


@pytest.mark.parametrize("quantity", [0, *QUANTITIES])
def test_a_bad_quantity_is_422_and_adds_nothing(people: People, quantity: Any) -> None:
    ada = people.join()
    answer = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": quantity})
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == {"quantity"}
    assert (count(CartRow), count(CartLineRow)) == (0, 0)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_bad_new_quantity_is_422_and_changes_nothing(people: People, quantity: Any) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    answer = ada.ask("PATCH", "/api/cart/me/items/CHAIR", {"quantity": quantity})
    assert problem(answer) == (422, "validation_failed")
    assert lines(ada) == {"CHAIR": 2}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_none_adds_nothing(app: Flask, people: People, number: str) -> None:
    ada = people.join()
    body = f'{{"sku": "CHAIR", "quantity": {number}}}'
    answer = app.test_client().post(
        "/api/cart/me", data=body, headers=ada.headers | {"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert count(CartLineRow) == 0


@pytest.mark.parametrize("field", ["price", "unit_price", "total", "user_id", "id", "role", "discount"])
def test_a_price_can_not_be_sent(people: People, field: str) -> None:
    ada = people.join()
    answer = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1, field: 1})
    assert problem(answer) == (422, "validation_failed")
    assert count(CartLineRow) == 0


def test_adds_stop_at_the_most_and_totals_at_what_the_shop_can_hold(people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 999})
    assert problem(ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})) == (422, "validation_failed")
    assert lines(ada) == {"CHAIR": 999}
    put_on_shelf("GOLD", price=10**11)
    assert problem(ada.post("/api/cart/me", {"sku": "GOLD", "quantity": 11})) == (422, "validation_failed")
    assert lines(ada) == {"CHAIR": 999}


def test_a_cart_has_at_most_a_hundred_lines(people: People) -> None:
    ada = people.join()
    for number in range(101):
        put_on_shelf(f"S{number}", on_hand=0, slug="many", category="many")
    answers = [ada.post("/api/cart/me", {"sku": f"S{number}", "quantity": 1}).status_code for number in range(101)]
    assert answers == [200] * 100 + [422]


@pytest.mark.parametrize("sku", ["NOTHING", "chair", "'; --"])
def test_an_unknown_sku_is_404(people: People, sku: str) -> None:
    ada = people.join()
    assert problem(ada.post("/api/cart/me", {"sku": sku, "quantity": 1})) == (404, "not_found")
    assert count(CartLineRow) == 0


def test_a_repeated_add_with_one_key_adds_once(people: People) -> None:
    ada = people.join()
    for _ in range(3):
        ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1}, **{"Idempotency-Key": "k"})
    assert lines(ada) == {"CHAIR": 1}


# --- guests and others ------------------------------------------------------------------------------


def test_a_guests_cart_opens_with_a_token_nobody_guesses(app: Flask) -> None:
    first, second = (post(app, "/api/cart") for _ in range(2))
    assert first.status_code == 201
    assert first.headers["Location"] == f"/api/cart/{first.json['id']}"
    assert len(first.json["id"]) == 32
    post(app, f"/api/cart/{first.json['id']}", {"sku": "CHAIR", "quantity": 1})
    assert ask(app, "GET", f"/api/cart/{second.json['id']}").json["lines"] == []


def test_guests_have_no_me_and_no_user_id(app: Flask, people: People) -> None:
    ada = people.join()
    for owner in ("me", ada.id):
        assert problem(ask(app, "GET", f"/api/cart/{owner}")) == (401, "unauthenticated")
        assert problem(post(app, f"/api/cart/{owner}", {"sku": "CHAIR", "quantity": 1})) == (401, "unauthenticated")
    assert count(CartLineRow) == 0


@pytest.mark.parametrize("owner", ["nobody", "x" * 65, "%27", "0"])
def test_an_unknown_token_is_404(app: Flask, owner: str) -> None:
    assert problem(ask(app, "GET", f"/api/cart/{owner}")) == (404, "not_found")


def test_somebody_elses_cart_is_not_there_but_staff_may_help(people: People) -> None:
    ada, bob, sam = people.join("Ada"), people.join("Bob"), people.join("Sam", role="staff")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    path = f"/api/cart/{ada.id}"
    for answer in (
        bob.get(path),
        bob.post(path, {"sku": "LAMP", "quantity": 1}),
        bob.ask("DELETE", path),
        bob.ask("PATCH", f"{path}/items/CHAIR", {"quantity": 9}),
        bob.ask("DELETE", f"{path}/items/CHAIR"),
        bob.post(f"{path}/merge", {"from": "x"}),
        bob.post(f"{path}/shipping", {"shipping_method": "express"}),
    ):
        assert problem(answer) == (404, "not_found")
    assert lines(ada) == {"CHAIR": 1}
    sam.post(path, {"sku": "LAMP", "quantity": 1})
    assert lines(ada) == {"CHAIR": 1, "LAMP": 1}


def test_a_customers_cart_can_not_be_opened_by_the_id_of_its_row(app: Flask, people: People) -> None:
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    with db.reading() as session:
        id = session.query(CartRow).one().id
    for path in (f"/api/cart/{id}", f"/api/cart/{id.replace('-', '')}"):
        assert ask(app, "GET", path).status_code in (401, 404)
        assert problem(people.join("Bob").get(path)) == (404, "not_found")


# --- merging ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "merged"),
    [
        ("merge", {"CHAIR": 5, "LAMP": 1, "DESK": 1}),
        ("keep_customer", {"CHAIR": 2, "DESK": 1}),
        ("keep_guest", {"CHAIR": 3, "LAMP": 1}),
    ],
)
def test_a_guests_cart_is_brought_along(app: Flask, people: People, strategy: str, merged: dict[str, int]) -> None:
    put_on_shelf("DESK")
    token = guests_cart(app, "CHAIR", 3)
    post(app, f"/api/cart/{token}", {"sku": "LAMP", "quantity": 1})
    ada = people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    ada.post("/api/cart/me", {"sku": "DESK", "quantity": 1})
    answer = ada.post("/api/cart/me/merge", {"from": token, "strategy": strategy})
    assert answer.status_code == 200
    assert lines(ada) == merged
    assert problem(ask(app, "GET", f"/api/cart/{token}")) == (404, "not_found")
    assert problem(ada.post("/api/cart/me/merge", {"from": token})) == (404, "not_found")
    assert lines(ada) == merged


def test_a_merge_never_exceeds_the_most_of_one(app: Flask, people: People) -> None:
    token, ada = guests_cart(app, "CHAIR", 999), people.join()
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 2})
    ada.post("/api/cart/me/merge", {"from": token, "strategy": "merge"})
    assert lines(ada) == {"CHAIR": 999}


def test_only_a_guests_cart_can_be_brought_along(app: Flask, people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    with db.reading() as session:
        row = session.query(CartRow).one().id
    for source in (ada.id, row, "nothing"):
        assert problem(bob.post("/api/cart/me/merge", {"from": source})) == (404, "not_found")
    token = guests_cart(app)
    assert problem(post(app, f"/api/cart/{token}/merge", {"from": token})) == (422, "validation_failed")
    assert problem(bob.post("/api/cart/me/merge", {"from": token, "strategy": "steal"})) == (422, "validation_failed")
    assert lines(ada) == {"CHAIR": 1}
    assert ask(app, "GET", f"/api/cart/{token}").status_code == 200


def test_an_unknown_shipping_method_is_422(people: People) -> None:
    ada = people.join()
    assert problem(ada.post("/api/cart/me/shipping", {"shipping_method": "teleport"})) == (422, "validation_failed")
    assert ada.get("/api/cart/me").json["shipping_method"] is None
