"""Stock in several locations: it lies in one of them, is sold from one, and comes back to one."""

from __future__ import annotations

from typing import Any

import pytest

import db
from doctor import fulfilment, stock
from shop.stock.locations import LocationRow
from shop.stock.tables import Kind, MovementRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, order, paid, put_on_shelf, shelf, shipped
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive

LOCATIONS, CHAIR = "/api/stock/locations", "/api/stock/CHAIR"

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=2)


def opened(sam: Person, *codes: str) -> None:
    for code in codes:
        assert sam.post(LOCATIONS, {"code": code, "name": code.title()}).status_code == 201


def moved(sam: Person, kind: str, quantity: int, **more: Any) -> Any:
    return sam.post(f"{CHAIR}/movements", {"kind": kind, "quantity": quantity, "reason": "x"} | more)


def lies(sam: Person) -> dict[str, int]:
    """Where how many lie; that the doctor finds nothing is asked along with it."""
    with db.reading() as session:
        checks = (stock.stock_is_conserved, stock.transfers_cancel_out, fulfilment.parcels_are_within_bounds)
        assert [breach for check in checks for breach in check(session)] == []
    return {place["code"]: place["on_hand"] for place in sam.get(CHAIR).json["locations"]}


def test_staff_open_locations_and_close_them(sam: Person, ada: Person) -> None:
    opened(sam, "berlin")
    taken = sam.post(LOCATIONS, {"code": "berlin", "name": "Again"})
    assert (*problem(taken), taken.json["title"]) == (409, "code_taken", "There is a location with this code")
    for wish in ({"code": "Berlin", "name": "x"}, {"code": "paris"}, {"code": "paris", "name": "x", "on_hand": 1}):
        assert problem(sam.post(LOCATIONS, wish)) == (422, "validation_failed")
    changed = sam.ask("PATCH", f"{LOCATIONS}/berlin", {"name": "Berlin-Mitte", "active": False}).json
    assert (changed["name"], changed["active"]) == ("Berlin-Mitte", False)
    assert [row["code"] for row in sam.get(LOCATIONS).json["items"]] == ["berlin", "main"]
    assert problem(sam.ask("PATCH", f"{LOCATIONS}/main", {"active": False})) == (409, "illegal_state")
    assert problem(sam.ask("PATCH", f"{LOCATIONS}/berlin", {})) == (422, "validation_failed")
    assert problem(sam.ask("PATCH", f"{LOCATIONS}/paris", {"name": "x"})) == (404, "not_found")
    assert problem(ada.get(LOCATIONS)) == problem(ada.post(LOCATIONS, {})) == (403, "forbidden")
    assert count(LocationRow, LocationRow.active) == 1


def test_goods_go_from_one_location_to_another_and_never_below_zero(sam: Person) -> None:
    opened(sam, "berlin", "paris")
    assert moved(sam, "receive", 3, location="berlin").json["locations"][1] == {"code": "berlin", "on_hand": 3}
    assert moved(sam, "transfer", 2, location="berlin", to="paris").status_code == 201
    assert moved(sam, "transfer", 1, to="paris").status_code == 201
    assert (lies(sam), shelf()) == ({"main": 1, "berlin": 1, "paris": 3}, (5, 0))
    for refused in (
        moved(sam, "transfer", 2, to="paris"),
        moved(sam, "transfer", 2, location="berlin", to="main"),
        moved(sam, "adjust", -2, location="berlin"),
    ):
        assert problem(refused) == (409, "illegal_state")
    sam.ask("PATCH", f"{LOCATIONS}/paris", {"active": False})
    assert problem(moved(sam, "receive", 1, location="paris")) == (409, "illegal_state")
    assert problem(moved(sam, "transfer", 1, to="paris")) == (409, "illegal_state")
    assert moved(sam, "adjust", -1, location="paris").status_code == 201  # what lies there is still counted
    assert moved(sam, "transfer", 2, location="paris", to="main").status_code == 201
    assert lies(sam) == {"main": 3, "berlin": 1}
    pairs = [(m["quantity"], m["location"]) for m in sam.get(f"{CHAIR}/movements?limit=2").json["items"]]
    assert sorted(pairs) == [(-2, "paris"), (2, "main")]
    [row] = sam.get("/api/stock").json["items"]
    assert row["locations"] == [{"code": "main", "on_hand": 3}, {"code": "berlin", "on_hand": 1}]


def test_a_sale_takes_from_main_first_then_from_where_most_is_and_a_cancel_puts_it_back(
    ada: Person, sam: Person
) -> None:
    opened(sam, "berlin", "paris")
    moved(sam, "receive", 2, location="berlin")
    moved(sam, "receive", 3, location="paris")
    before = lies(sam)
    id = paid(ada, quantity=6)
    assert (lies(sam), shelf()) == ({"main": 0, "berlin": 1}, (1, 0))
    assert count(MovementRow, MovementRow.order_id == id, MovementRow.kind == Kind.SALE) == 3
    paid(ada)
    assert lies(sam) == {"main": 0}
    assert drive(ada.post(f"/api/orders/{id}/cancel").json["job"]["id"]) == "succeeded"
    assert lies(sam) == before | {"berlin": 1}
    assert drive(order(ada, quantity=7)["job"]["id"]) == "failed"
    assert lies(sam) == before | {"berlin": 1}


def test_a_parcel_leaves_the_location_it_names_and_a_return_is_put_where_staff_say(ada: Person, sam: Person) -> None:
    opened(sam, "berlin")
    moved(sam, "receive", 2, location="berlin")
    id = paid(ada, quantity=3)  # two from main, one from berlin
    where = f"/api/orders/{id}/fulfilments"
    one = {"lines": [{"sku": "CHAIR", "quantity": 1}], "location": "berlin"}
    assert problem(sam.post(where, one | {"location": "nowhere"})) == (422, "validation_failed")
    assert sam.post(where, one).json["location"] == "berlin"
    assert lies(sam) == {"main": 0, "berlin": 1}  # as it was sold
    assert sam.post(where, one).status_code == 201
    assert lies(sam) == {"main": 1}  # another one, in place of one of main's
    assert problem(sam.post(where, one)) == (409, "illegal_state")
    shipped(sam, id)
    assert (lies(sam), shelf()) == ({"main": 1}, (1, 0))
    assert [parcel["location"] for parcel in sam.get(where).json["items"]] == ["berlin", "berlin", None]
    asked = ada.post(f"/api/orders/{id}/returns", {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json
    back = f"/api/orders/{id}/returns/{asked['return']['id']}/receive"
    assert problem(sam.post(back, {"location": "nowhere"})) == (422, "validation_failed")
    answer = sam.post(back, {"location": "berlin"}).json
    assert (answer["return"]["location"], drive(answer["job"]["id"])) == ("berlin", "succeeded")
    assert lies(sam) == {"main": 1, "berlin": 1}
