"""What has not come in yet is promised within a limit, waits in turn, and is never sold before it was there (P6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import db
from db.functions import in_seconds
from db.schema import new_id
from shop.checkout.refusals import OutOfStock
from shop.stock import adjustments, backorders, locations, reservations
from shop.stock.availability_events import StockEventRow
from shop.stock.tables import Kind, MovementRow, ReservationRow, StockRow
from tests.api.catalogue_data import count, put_on_shelf
from tests.shop.at_once import at_once

pytestmark = pytest.mark.usefixtures("database")


def do(work: Callable[[Session], Any]) -> Any:
    with db.transaction() as session:
        return work(session)


def goods(on_hand: int, limit: int | None) -> None:
    put_on_shelf("CHAIR", on_hand=on_hand)
    do(lambda session: backorders.allow(session, {"CHAIR": limit}))


def ordered(*quantities: int) -> list[str]:
    """One after the other. Returns the orders."""
    orders = [new_id() for _ in quantities]
    for order, n in zip(orders, quantities, strict=True):
        assert do(lambda session, order=order, n=n: reservations.reserve(session, {order: {"CHAIR": n}})) == {}
    return orders


def receive(quantity: int, **more: str) -> None:
    do(lambda session: adjustments.receive(session, "CHAIR", quantity, **more))


def wait(orders: Iterable[str]) -> list[int]:
    with db.reading() as session:
        found = backorders.waiting(session, list(orders))
    return [lines.get("CHAIR", 0) for lines in found.values()]


def shelf() -> tuple[int, int, int]:
    """On hand, reserved, backordered."""
    with db.reading() as session:
        row = session.scalars(select(StockRow).where(StockRow.sku == "CHAIR")).one()
        return row.on_hand, row.reserved, row.backordered


def sales(order: str) -> list[tuple[int, str]]:
    with db.reading() as session:
        of_it = select(MovementRow.quantity, MovementRow.location).where(MovementRow.order_id == order)
        return [(n, place) for n, place in session.execute(of_it.where(MovementRow.kind == Kind.SALE))]


def test_what_is_lacking_is_promised_up_to_the_limit() -> None:
    goods(on_hand=2, limit=3)
    first, second = ordered(4, 1)
    assert (shelf(), wait([first, second])) == ((2, 2, 3), [2, 1])
    third = new_id()
    assert do(lambda session: reservations.reserve(session, {third: {"CHAIR": 1}})) == {third: {"CHAIR": 0}}
    do(lambda session: backorders.allow(session, {"CHAIR": None}))
    assert do(lambda session: reservations.reserve(session, {third: {"CHAIR": 1}})) == {third: {"CHAIR": 0}}
    assert (shelf(), wait([first, second])) == ((2, 2, 3), [2, 1])


def test_goods_go_to_those_who_have_waited_longest_and_are_sold_where_the_order_is_confirmed() -> None:
    goods(on_hand=1, limit=backorders.UNLIMITED)
    do(lambda session: locations.add(session, {"code": "berlin", "name": "Berlin"}))
    first, second, third = orders = ordered(3, 2, 2)
    assert do(lambda session: reservations.sell(session, [first, third])) == set()
    assert (shelf(), sales(first), sales(third)) == ((0, 0, 6), [(-1, "main")], [])
    receive(3, location="berlin")
    assert (shelf(), wait(orders)) == ((1, 1, 3), [0, 1, 2])
    assert sales(first) == [(-1, "main"), (-2, "berlin")]
    receive(2)
    assert (shelf(), wait(orders), sales(third)) == ((2, 2, 1), [0, 0, 1], [(-1, "main")])
    receive(4)
    assert (shelf(), wait(orders)) == ((5, 2, 0), [0, 0, 0])
    do(lambda session: reservations.sell(session, [second]))
    assert shelf() == (3, 0, 0)


def test_who_gives_up_waits_no_longer_and_what_they_held_goes_to_the_next() -> None:
    goods(on_hand=2, limit=9)
    first, second, third, fourth = orders = ordered(2, 2, 1, 2)
    do(lambda session: reservations.release(session, [second]))
    assert (shelf(), wait(orders)) == ((2, 2, 3), [0, 0, 1, 2])
    late = update(ReservationRow).where(ReservationRow.order_id == first).values(expires_at=in_seconds(-1.0))
    do(lambda session: session.execute(late))
    assert do(reservations.release_expired) == 1
    assert (shelf(), wait(orders)) == ((2, 2, 1), [0, 0, 0, 1])
    do(lambda session: reservations.sell(session, [third, fourth]))
    do(lambda session: reservations.cancel_sale(session, {third: {"CHAIR": 1}}))
    assert (shelf(), wait(orders), sales(fourth)) == ((0, 0, 0), [0] * 4, [(-1, "main")] * 2)


def test_who_is_called_off_while_waiting_gets_back_what_was_there_and_no_more() -> None:
    goods(on_hand=1, limit=9)
    orders = ordered(3)
    do(lambda session: reservations.sell(session, orders))
    do(lambda session: reservations.cancel_sale(session, {orders[0]: {"CHAIR": 3}}))
    assert (shelf(), wait(orders)) == ((1, 0, 0), [0])
    receive(5)
    assert (shelf(), sales(orders[0])) == ((6, 0, 0), [(-1, "main")])


def test_nothing_is_back_in_stock_while_all_of_it_goes_to_who_has_waited() -> None:
    goods(on_hand=1, limit=9)
    do(lambda session: adjustments.watch(session, "CHAIR", 2))
    ordered(3)
    before = count(StockEventRow)
    receive(2)
    assert count(StockEventRow) == before
    receive(3)
    assert count(StockEventRow) == before + 1


def test_the_last_units_and_the_last_places_in_the_queue_go_to_as_many_as_there_are() -> None:
    goods(on_hand=3, limit=4)

    def buy(session: Session) -> None:
        if reservations.reserve(session, {new_id(): {"CHAIR": 1}}):
            raise OutOfStock

    served = at_once(*[buy] * 9)
    assert (served.count("done"), served.count("out_of_stock")) == (7, 2)
    assert shelf() == (3, 3, 4)
    at_once(*[lambda session: adjustments.receive(session, "CHAIR", 1)] * 3)
    assert shelf() == (6, 6, 1)
    assert at_once(*[buy] * 5).count("done") == 3


def test_goods_come_in_while_their_orders_are_confirmed_and_given_up() -> None:
    goods(on_hand=0, limit=backorders.UNLIMITED)
    orders = ordered(*[2] * 6)
    at_once(
        *(lambda session, order=order: reservations.sell(session, [order]) for order in orders[:3]),
        *(lambda session, order=order: reservations.release(session, [order]) for order in orders[3:]),
        *[lambda session: adjustments.receive(session, "CHAIR", 2)] * 4,
    )
    assert (shelf(), wait(orders)) == ((2, 0, 0), [0] * 6)
    assert [sum(n for n, _ in sales(order)) for order in orders] == [-2, -2, -2, 0, 0, 0]
