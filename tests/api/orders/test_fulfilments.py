"""Parcels: never more than was ordered and only what is paid for; the order's status follows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from shop.fulfilment.parcels import FulfilmentLineRow, FulfilmentRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, order, paid, put_on_shelf, shipped
from tests.api.clients import People, Person, ask, problem

NOBODYS = "0199aaaa-0000-7000-8000-000000000000"

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def some(quantity: int, sku: str = "CHAIR") -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity}]}


def status(person: Person, id: str) -> str:
    found: str = person.get(f"/api/orders/{id}").json["fulfilment_status"]
    return found


def test_parcels_add_up_to_the_order(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=3)
    where = f"/api/orders/{id}/fulfilments"
    assert status(ada, id) == "unfulfilled"
    answer = sam.post(where, some(2) | {"carrier": "DHL", "tracking": "JJD0001"})
    assert answer.status_code == 201
    first = answer.json
    assert (first["status"], first["carrier"], first["tracking"], first["shipped_at"]) == (
        "pending",
        "DHL",
        "JJD0001",
        None,
    )
    assert (first["order_id"], first["lines"], status(ada, id)) == (id, [{"sku": "CHAIR", "quantity": 2}], "partial")
    rest = sam.post(where, {}).json
    assert (rest["lines"], status(ada, id)) == ([{"sku": "CHAIR", "quantity": 1}], "fulfilled")
    assert problem(sam.post(where, {})) == (409, "illegal_state")
    assert ada.get(where).json == {"items": [first, rest], "next": None}


def test_no_more_is_sent_than_was_ordered(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=2)
    where = f"/api/orders/{id}/fulfilments"
    answer = sam.post(where, some(3))
    assert (problem(answer), answer.json["left"]) == ((409, "too_many"), {"CHAIR": 2})
    shipped(sam, id, **some(1))
    assert problem(sam.post(where, some(2))) == (409, "too_many")
    assert (count(FulfilmentRow), status(ada, id)) == (1, "partial")


def test_two_at_once_send_no_more_than_was_ordered(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sam.post(f"/api/orders/{id}/fulfilments", some(2)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (count(FulfilmentLineRow), status(ada, id)) == (1, "partial")


@pytest.mark.parametrize(
    "lines",
    [
        [{"sku": "CHAIR", "quantity": 1}, {"sku": "CHAIR", "quantity": 1}],
        [{"sku": "TABLE", "quantity": 1}],
        [{"sku": "CHAIR", "quantity": 0}],
        [{"sku": "CHAIR", "quantity": -1}],
        [{"sku": "CHAIR", "quantity": 1.5}],
        [{"sku": "CHAIR", "quantity": True}],
        [{"sku": "CHAIR", "quantity": 10**30}],
        [{"sku": "CHAIR", "quantity": 1, "price": 1}],
        [],
        "CHAIR",
    ],
)
def test_lines_that_make_no_sense_are_422_and_change_nothing(ada: Person, sam: Person, lines: Any) -> None:
    id = paid(ada, quantity=2)
    assert problem(sam.post(f"/api/orders/{id}/fulfilments", {"lines": lines})) == (422, "validation_failed")
    assert (count(FulfilmentRow), status(ada, id)) == (0, "unfulfilled")


def test_only_what_is_paid_for_is_sent(ada: Person, sam: Person) -> None:
    id = order(ada)["order"]["id"]
    assert problem(sam.post(f"/api/orders/{id}/fulfilments", {})) == (409, "illegal_state")
    assert problem(sam.post(f"/api/orders/{NOBODYS}/fulfilments", {})) == (404, "not_found")
    assert count(FulfilmentRow) == 0


def test_a_called_off_order_is_not_sent(ada: Person, sam: Person) -> None:
    id = paid(ada)
    assert ada.post(f"/api/orders/{id}/cancel").status_code == 202
    assert problem(sam.post(f"/api/orders/{id}/fulfilments", {})) == (409, "illegal_state")
    assert count(FulfilmentRow) == 0


def test_a_parcel_goes_its_way_and_no_other(ada: Person, sam: Person) -> None:
    id = paid(ada)
    parcel = sam.post(f"/api/orders/{id}/fulfilments", {}).json["id"]
    where = f"/api/orders/{id}/fulfilments/{parcel}"

    def change(**wish: Any) -> Any:
        return sam.ask("PATCH", where, wish)

    assert problem(change(status="delivered")) == (409, "illegal_state")
    gone = change(status="shipped", tracking="JJD0002").json
    assert (gone["status"], gone["tracking"], gone["delivered_at"]) == ("shipped", "JJD0002", None)
    assert gone["shipped_at"] is not None
    again = change(status="shipped").json
    assert (again["status"], again["shipped_at"]) == ("shipped", gone["shipped_at"])
    for illegal in ("pending", "cancelled"):
        assert problem(change(status=illegal)) == (409, "illegal_state")
    there = change(status="delivered").json
    assert there["delivered_at"] is not None
    assert problem(change(status="lost")) == (422, "validation_failed")
    assert ada.get(f"/api/orders/{id}/fulfilments").json["items"] == [there]


def test_what_is_unpacked_can_be_packed_again(ada: Person, sam: Person) -> None:
    id = paid(ada)
    parcel = sam.post(f"/api/orders/{id}/fulfilments", {}).json["id"]
    where = f"/api/orders/{id}/fulfilments/{parcel}"
    assert sam.ask("PATCH", where, {"status": "cancelled"}).json["status"] == "cancelled"
    assert status(ada, id) == "unfulfilled"
    assert problem(sam.ask("PATCH", where, {"status": "shipped"})) == (409, "illegal_state")
    assert problem(sam.ask("PATCH", where, {"tracking": "x"})) == (409, "illegal_state")
    shipped(sam, id)
    assert status(ada, id) == "fulfilled"


def test_a_parcel_of_another_order_is_not_there(ada: Person, sam: Person) -> None:
    first, second = paid(ada), paid(ada)
    parcel = sam.post(f"/api/orders/{first}/fulfilments", {}).json["id"]
    answer = sam.ask("PATCH", f"/api/orders/{second}/fulfilments/{parcel}", {"status": "shipped"})
    assert problem(answer) == (404, "not_found")
    assert sam.get(f"/api/orders/{first}/fulfilments").json["items"][0]["status"] == "pending"


def test_customers_look_and_do_not_touch(app: Flask, ada: Person, sam: Person, people: People) -> None:
    id = paid(ada)
    parcel = sam.post(f"/api/orders/{id}/fulfilments", {}).json["id"]
    where = f"/api/orders/{id}/fulfilments"
    assert problem(ada.post(where, {})) == (403, "forbidden")
    assert problem(ada.ask("PATCH", f"{where}/{parcel}", {"status": "shipped"})) == (403, "forbidden")
    assert problem(people.join("Bob").get(where)) == (404, "not_found")
    assert problem(ask(app, "GET", where)) == (404, "not_found")
    assert problem(ask(app, "POST", where, {})) == (401, "unauthenticated")
    assert [item["status"] for item in ada.get(where).json["items"]] == ["pending"]


def test_one_key_is_one_parcel(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=2)
    answers = [sam.post(f"/api/orders/{id}/fulfilments", some(1), **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert (answers[0].json, count(FulfilmentRow)) == (answers[1].json, 1)
