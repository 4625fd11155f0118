"""Stock: public to look at, changed by staff only, and only through the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import db
from shop.stock.tables import MovementRow
from tests.api.catalogue_data import count, order, put_on_shelf, shelf
from tests.api.clients import People, post, problem
from tests.api.inline_worker import drive

PATH = "/api/stock/CHAIR/movements"


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", on_hand=5)


def test_anybody_sees_how_much_there_is(client: FlaskClient, people: People) -> None:
    drive(order(people.join(), quantity=2)["job"]["id"], steps=1)
    answer = client.get("/api/stock/CHAIR")
    lies = [{"code": "main", "on_hand": 5}]
    assert answer.json == {"sku": "CHAIR", "on_hand": 5, "reserved": 2, "available": 3, "backordered": 0} | {
        "locations": lies
    }


def test_a_sku_that_never_came_in_has_nothing_and_an_unknown_one_is_404(client: FlaskClient) -> None:
    put_on_shelf("NEW", on_hand=0)
    nothing = {
        "on_hand": 0,
        "reserved": 0,
        "available": 0,
        "backordered": 0,
        "locations": [{"code": "main", "on_hand": 0}],
    }
    assert client.get("/api/stock/NEW").json == {"sku": "NEW"} | nothing
    assert problem(client.get("/api/stock/NOTHING")) == (404, "not_found")


def test_staff_receive_and_correct_and_the_ledger_says_who(people: People) -> None:
    sam = people.join("Sam", role="staff")
    answer = sam.post(PATH, {"kind": "receive", "quantity": 3, "reason": "delivery 7"})
    assert (answer.status_code, answer.json["on_hand"]) == (201, 8)
    assert sam.post(PATH, {"kind": "adjust", "quantity": -1, "reason": "broken"}).json["on_hand"] == 7
    items = sam.get(PATH).json["items"]
    assert [(m["kind"], m["quantity"], m["reason"], m["actor_id"]) for m in items] == [
        ("adjust", -1, "broken", sam.id),
        ("receive", 3, "delivery 7", sam.id),
        ("receive", 5, "test", None),
    ]
    page = sam.get(f"{PATH}?limit=2").json
    assert [m["id"] for m in sam.get(f"{PATH}?cursor={page['next']}").json["items"]] == [items[2]["id"]]


def test_a_delivery_booked_twice_with_one_key_came_once(people: People) -> None:
    sam = people.join("Sam", role="staff")
    for _ in range(2):
        sam.post(PATH, {"kind": "receive", "quantity": 3}, **{"Idempotency-Key": "delivery-7"})
    assert shelf() == (8, 0)


@pytest.mark.parametrize("quantity", [0, 1.5, "1e3", "3", True, 10**30, 10**9 + 1, None, [1], {}])
@pytest.mark.parametrize("kind", ["receive", "adjust"])
def test_a_bad_quantity_is_422_and_moves_nothing(people: People, kind: str, quantity: Any) -> None:
    sam = people.join("Sam", role="staff")
    answer = sam.post(PATH, {"kind": kind, "quantity": quantity, "reason": "x"})
    assert problem(answer) == (422, "validation_failed")
    assert set(answer.json["errors"]) == {"quantity"}
    assert (shelf(), count(MovementRow)) == ((5, 0), 1)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "receive", "quantity": -1},
        {"kind": "sale", "quantity": 1},
        {"kind": "adjust", "quantity": -1},  # does not say why
        {"kind": "receive", "quantity": 1, "order_id": "x"},
        {"kind": "receive", "quantity": 1, "actor_id": "x"},
        {"quantity": 1},
        {"kind": "receive", "quantity": 1, "location": "nowhere"},
        {"kind": "receive", "quantity": 1, "to": "main"},
        {"kind": "transfer", "quantity": 1},
        {"kind": "transfer", "quantity": 1, "to": "main"},
        {"kind": "transfer", "quantity": 1, "to": "nowhere"},
        {"kind": "transfer", "quantity": -1, "to": "nowhere"},
    ],
)
def test_a_bad_movement_is_422_and_moves_nothing(people: People, body: dict[str, Any]) -> None:
    sam = people.join("Sam", role="staff")
    assert problem(sam.post(PATH, body)) == (422, "validation_failed")
    assert (shelf(), count(MovementRow)) == ((5, 0), 1)


def test_what_is_reserved_or_more_than_can_be_is_409(people: People) -> None:
    sam = people.join("Sam", role="staff")
    drive(order(people.join(), quantity=4)["job"]["id"], steps=1)
    assert problem(sam.post(PATH, {"kind": "adjust", "quantity": -2, "reason": "lost"})) == (409, "illegal_state")
    assert problem(sam.post(PATH, {"kind": "receive", "quantity": 10**9})) == (409, "illegal_state")
    assert shelf() == (5, 4)


def test_customers_and_strangers_neither_see_nor_write_the_ledger(app: Flask, people: People) -> None:
    ada = people.join()
    move = {"kind": "receive", "quantity": 1}
    assert problem(ada.post(PATH, move)) == (403, "forbidden")
    assert problem(ada.get(PATH)) == (403, "forbidden")
    assert problem(post(app, PATH, move)) == (401, "unauthenticated")
    with db.reading() as session:
        assert session.query(MovementRow).count() == 1
