"""What is ordered before it has come in: shoppers are told, it is paid for, and it is sent when it is there."""

from __future__ import annotations

import csv
from typing import Any

import pytest

import db
from doctor import fulfilment, stock
from gateways.mail import Mail
from shop.stock.tables import Kind, MovementRow
from tests.api.bank import Bank
from tests.api.catalogue.test_imports import jsonl, line, result
from tests.api.catalogue_data import count, order, paid, put_on_shelf, shelf, wish
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive

CHAIR = "/api/stock/CHAIR"
VARIANT = "/api/products/chair/variants/CHAIR"

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sam: Person) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=1)
    allow(sam, backorder=True, backorder_limit=3)


def allow(sam: Person, **said: Any) -> tuple[bool, int | None]:
    answer = sam.ask("PATCH", VARIANT, said)
    assert answer.status_code == 200, answer.text
    [variant] = answer.json["variants"]
    return variant["backorder"], variant["backorder_limit"]


def receive(sam: Person, quantity: int) -> None:
    assert sam.post(f"{CHAIR}/movements", {"kind": "receive", "quantity": quantity}).status_code == 201


def late(person: Person, id: str) -> int:
    """How many of the order have not come in; that the doctor finds nothing is asked along with it."""
    with db.reading() as session:
        checks = (stock.stock_is_conserved, stock.reservations_add_up, fulfilment.parcels_are_within_bounds)
        assert [breach for check in checks for breach in check(session)] == []
    [only] = person.get(f"/api/orders/{id}").json["lines"]
    found: int = only["backordered"]
    return found


def some(quantity: int) -> dict[str, Any]:
    return {"lines": [{"sku": "CHAIR", "quantity": quantity}]}


def test_staff_say_what_may_be_ordered_before_it_is_there(sam: Person) -> None:
    assert allow(sam, backorder=True) == (True, None)
    assert allow(sam, backorder_limit=7) == (True, 7)
    assert allow(sam, name="Simple") == (True, 7)
    assert allow(sam, backorder=False) == (False, None)
    told = result(sam, "\n".join([jsonl(line("A", backorder=True)), jsonl(line("B", backorder_limit="2"))]))
    assert told["imported"] == 2
    seen = {slug: sam.get(f"/api/products/{slug}").json["variants"][0] for slug in ("a", "b")}
    assert [(v["backorder"], v["backorder_limit"]) for v in seen.values()] == [(True, None), (True, 2)]
    rows = csv.DictReader(sam.get("/api/products/export").text.splitlines())
    stocked = [(row["on_hand"], row["backorder"], row["backorder_limit"]) for row in rows]
    assert stocked == [("2", "true", ""), ("2", "true", "2"), ("1", "false", "")]
    new = {"sku": "NEW", "name": "New", "price": {"amount": 1, "currency": "EUR"}, "backorder": True}
    answer = sam.post("/api/products", {"slug": "new", "name": "New", "variants": [new]})
    assert answer.json["variants"][0]["backorder"] is True
    assert sam.post("/api/products/new/variants", new | {"sku": "NEWER", "backorder_limit": 1}).status_code == 201


def test_a_cart_says_what_comes_later_and_what_can_not_be_had(ada: Person, sam: Person) -> None:
    problems = []
    for quantity in (1, 3, 1):
        told = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": quantity}).json["problems"]
        problems.append([(one["code"], one["detail"]) for one in told])
    later = ("backorder", "1 can be sent now, the others when they have come in.")
    assert problems == [[], [later], [("out_of_stock", "Only 4 left.")]]
    assert drive(ada.post("/api/orders", wish(accept_problems=True)).json["job"]["id"]) == "failed"
    assert (shelf(), count(MovementRow)) == ((1, 0), 1)
    ada.ask("DELETE", "/api/cart/me")
    paid(ada)
    [told] = ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1}).json["problems"]
    assert told["detail"] == "Sent when it has come in."
    allow(sam, backorder=False)
    [told] = ada.get("/api/cart/me").json["problems"]
    assert told["detail"] == "None left."


def test_what_has_not_come_in_is_paid_for_and_sent_when_it_is_there(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=3)
    where = f"/api/orders/{id}/fulfilments"
    assert (late(ada, id), shelf(), bank.taken(id)) == (2, (0, 0), 3 * 1999 + 490)
    assert sam.get(CHAIR).json["backordered"] == 2
    refused = sam.post(where, some(2))
    assert (problem(refused), refused.json["left"]) == ((409, "too_many"), {"CHAIR": 1})
    assert sam.post(where, {}).json["lines"] == some(1)["lines"]
    assert problem(sam.post(where, {})) == (409, "illegal_state")
    receive(sam, 1)
    assert (late(ada, id), shelf()) == (1, (0, 0))
    receive(sam, 4)
    assert (late(ada, id), shelf()) == (0, (3, 0))
    assert sam.post(where, {"status": "shipped"}).json["lines"] == some(2)["lines"]
    assert ada.get(f"/api/orders/{id}").json["fulfilment_status"] == "fulfilled"
    assert count(MovementRow, MovementRow.order_id == id, MovementRow.kind == Kind.SALE) == 3
    assert late(ada, id) == 0


def test_the_confirmation_says_whether_something_follows_later(ada: Person, sent: list[Mail]) -> None:
    told = []
    for _ in range(2):
        paid(ada)
        told.append("What is missing follows as soon as it is here." in sent[-1].text)
    assert told == [False, True]


def test_an_order_that_waits_is_called_off_and_the_next_has_its_goods(ada: Person, sam: Person, bank: Bank) -> None:
    first, second = paid(ada, quantity=2), paid(ada, quantity=1)
    assert (late(ada, first), late(ada, second)) == (1, 1)
    assert drive(ada.post(f"/api/orders/{first}/cancel").json["job"]["id"]) == "succeeded"
    assert (late(ada, first), late(ada, second), shelf(), bank.taken(first)) == (0, 0, (0, 0), 0)
    placed = order(ada, quantity=3, token="tok_declined")
    drive(placed["job"]["id"], steps=1)
    assert late(ada, placed["order"]["id"]) == 3
    assert drive(placed["job"]["id"]) == "failed"
    assert (late(ada, placed["order"]["id"]), sam.get(CHAIR).json["backordered"]) == (0, 0)
