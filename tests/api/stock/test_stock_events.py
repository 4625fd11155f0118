"""Stock that is watched: an event for each bound that is crossed, none for what did not happen."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

import db
from db.functions import in_seconds
from db.schema import new_id
from shop.kernel.errors import NotFound
from shop.stock import reservations
from shop.stock import tables as stock_tables
from shop.stock.availability_events import StockEventRow
from shop.stock.tables import Held, ReservationRow, StockRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, order, put_on_shelf, shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.fixtures import Configure

CHAIR = "/api/stock/CHAIR"


@pytest.fixture(autouse=True)
def _goods(app: Flask) -> None:
    put_on_shelf("CHAIR", on_hand=5)
    put_on_shelf("TABLE", on_hand=5)


def watch(sam: Person, low_at: int | None) -> Any:
    answer = sam.ask("PATCH", CHAIR, {"low_at": low_at})
    assert answer.status_code == 200, answer.text
    return answer.json


def told(sam: Person) -> list[tuple[str, int]]:
    """Oldest first. A first delivery is a coming back, too."""
    return [(row["kind"], row["available"]) for row in reversed(sam.get(f"{CHAIR}/events").json["items"])]


def hold(quantity: int) -> str:
    id = new_id()
    with db.transaction() as session:
        assert reservations.reserve(session, {id: {"CHAIR": quantity, "TABLE": 1}}) == {}
    return id


def release(id: str) -> None:
    with db.transaction() as session:
        reservations.release(session, [id])


def test_what_is_watched_tells_when_little_is_left_and_when_it_comes_back(sam: Person) -> None:
    first = [("back_in_stock", 5)]
    lies = {"backordered": 0, "locations": [{"code": "main", "on_hand": 5}]}
    assert watch(sam, 2) == {"sku": "CHAIR", "on_hand": 5, "reserved": 0, "available": 5, "low_at": 2} | lies
    held = hold(2)
    assert told(sam) == first
    hold(1)
    assert told(sam) == [*first, ("low_stock", 2)]
    hold(2)  # lower still: that was told already
    assert told(sam) == [*first, ("low_stock", 2)]
    release(held)
    assert told(sam) == [*first, ("low_stock", 2), ("back_in_stock", 2)]
    sam.post(f"{CHAIR}/movements", {"kind": "receive", "quantity": 3})
    sam.post(f"{CHAIR}/movements", {"kind": "adjust", "quantity": -4, "reason": "broken"})
    assert told(sam)[3:] == [("low_stock", 1)]
    assert count(StockEventRow, StockEventRow.sku == "TABLE") == 1


def test_a_sale_of_what_was_held_tells_nothing(sam: Person) -> None:
    watch(sam, 4)
    held = hold(2)
    before = told(sam)
    with db.transaction() as session:
        assert reservations.sell(session, [held]) == set()
    assert told(sam) == before == [("back_in_stock", 5), ("low_stock", 3)]


def test_nothing_is_told_of_what_is_not_watched_any_more_or_was_rolled_back(sam: Person) -> None:
    watch(sam, 4)
    with pytest.raises(NotFound):
        db.in_transaction(_reserve_and_stumble)
    watch(sam, None)
    hold(5)
    assert told(sam) == [("back_in_stock", 5)]


def test_the_list_tells_of_what_is_low(sam: Person) -> None:
    watch(sam, 5)
    assert [row["sku"] for row in sam.get("/api/stock").json["items"]] == ["CHAIR", "TABLE"]
    assert [row["sku"] for row in sam.get("/api/stock?low=true").json["items"]] == ["CHAIR"]
    assert [row["sku"] for row in sam.get("/api/stock?low=false").json["items"]] == ["TABLE"]
    page = sam.get("/api/stock?limit=1").json
    assert [row["sku"] for row in sam.get(f"/api/stock?cursor={page['next']}").json["items"]] == ["TABLE"]


def test_what_never_came_in_can_be_watched(sam: Person) -> None:
    put_on_shelf("NEW", on_hand=0)
    assert sam.ask("PATCH", "/api/stock/NEW", {"low_at": 0}).json["on_hand"] == 0
    assert problem(sam.ask("PATCH", "/api/stock/NOTHING", {"low_at": 0})) == (404, "not_found")


@pytest.mark.parametrize(
    "wish",
    [{}, {"low_at": -1}, {"low_at": 1.5}, {"low_at": "1"}, {"low_at": True}, {"low_at": 10**30}, {"on_hand": 9}],
    ids=str,
)
def test_a_bad_threshold_is_422_and_changes_nothing(sam: Person, wish: dict[str, Any]) -> None:
    watch(sam, 3)
    assert problem(sam.ask("PATCH", CHAIR, wish)) == (422, "validation_failed")
    assert count(StockRow, StockRow.low_at == 3) == 1
    assert shelf() == (5, 0)


def test_customers_and_strangers_neither_watch_nor_see(app: Flask, people: People, sam: Person) -> None:
    ada = people.join()
    watch(sam, 3)
    for verb, path in (("PATCH", CHAIR), ("GET", "/api/stock"), ("GET", f"{CHAIR}/events")):
        body = {"low_at": 1} if verb == "PATCH" else None
        assert problem(ada.ask(verb, path, body)) == (403, "forbidden")
        assert problem(ask(app, verb, path, body)) == (401, "unauthenticated")
    assert count(StockRow, StockRow.low_at == 3) == 1
    assert "low_at" not in ada.get(CHAIR).json


def test_p5_goods_are_held_for_as_long_as_the_bank_waits_for_the_shopper(
    people: People, bank: Bank, configure: Configure
) -> None:
    configure(RESERVATION_MINUTES="1", AUTHENTICATION_MINUTES="15")
    placed = order(people.join(), token="tok_3ds")
    drive(placed["job"]["id"], steps=1)
    assert (_held_longer_than(30), _held_longer_than(70)) == (True, False)
    assert drive(placed["job"]["id"]) == "waiting"
    assert (_held_longer_than(15 * 60), _held_longer_than(21 * 60)) == (True, False)
    with db.transaction() as session:
        reservations.extend(session, [placed["order"]["id"]], 1.0)  # never shorter
    assert _held_longer_than(15 * 60)


def test_what_is_released_is_not_held_again_by_extending(sam: Person) -> None:
    held = hold(2)
    release(held)
    with db.transaction() as session:
        reservations.extend(session, [held], 3600.0)
    assert count(ReservationRow, ReservationRow.state == Held.HELD) == 0
    with db.reading() as session:
        assert stock_tables.level(session, "CHAIR").reserved == 0


def _reserve_and_stumble(session: Session) -> None:
    reservations.reserve(session, {new_id(): {"CHAIR": 5}})
    raise NotFound


def _held_longer_than(seconds: float) -> bool:
    with db.reading() as session:
        return session.scalars(select(ReservationRow.expires_at > in_seconds(seconds))).one()
