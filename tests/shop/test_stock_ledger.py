"""Whatever is done to stock, in whatever order: it is conserved, in every location, and who waits waits in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import db
from db.functions import in_seconds
from db.schema import new_id
from doctor import stock
from shop.kernel.errors import IllegalMove
from shop.stock import adjustments, backorders, locations, reservations
from shop.stock.movements import Lot
from shop.stock.tables import Held, ReservationRow, StockRow
from tests.api.catalogue_data import put_on_shelf
from tests.fixtures import Database, empty

CHECKS = (stock.stock_is_conserved, stock.transfers_cancel_out, stock.reservations_add_up)
SOME, PLACES = st.integers(1, 4), st.sampled_from(("main", "berlin"))
WHICH = st.integers(0, 5)


class Shop:
    """One SKU and the orders for it, oldest first."""

    def __init__(self) -> None:
        empty()
        put_on_shelf("CHAIR", on_hand=2)
        self.orders: dict[str, int] = {}
        with db.transaction() as session:
            locations.add(session, {"code": "berlin", "name": "Berlin"})
            backorders.allow(session, {"CHAIR": 6})

    def pick(self, which: int) -> list[str]:
        return list(self.orders)[which : which + 1]

    def receive(self, session: Session, n: int, place: str) -> None:
        adjustments.receive(session, "CHAIR", n, location=place)

    def count(self, session: Session, n: int, place: str) -> None:
        adjustments.adjust(session, "CHAIR", -n, "counted", location=place)

    def transfer(self, session: Session, n: int, place: str) -> None:
        to = "berlin" if place == "main" else "main"
        adjustments.transfer(session, "CHAIR", n, "", None, location=place, to=to)

    def order(self, session: Session, n: int) -> None:
        id = new_id()
        if not reservations.reserve(session, {id: {"CHAIR": n}}):
            self.orders[id] = n

    def confirm(self, session: Session, which: int) -> None:
        reservations.sell(session, self.pick(which))

    def give_up(self, session: Session, which: int) -> None:
        reservations.release(session, self.pick(which))

    def expire(self, session: Session, which: int) -> None:
        these = update(ReservationRow).where(ReservationRow.order_id.in_(self.pick(which)))
        session.execute(these.values(expires_at=in_seconds(-1.0)))
        reservations.release_expired(session)

    def call_off(self, session: Session, which: int) -> None:
        sold = [order for order in self.pick(which) if self.state(session, order) == Held.SOLD]
        reservations.cancel_sale(session, {order: {"CHAIR": self.orders.pop(order)} for order in sold})

    def come_back(self, session: Session, which: int) -> None:
        sold = [order for order in self.pick(which) if self.state(session, order) == Held.SOLD]
        if sold and not backorders.waiting(session, sold)[sold[0]]:
            reservations.restock(session, [Lot("CHAIR", 1, "berlin", sold[0])])

    def state(self, session: Session, order: str) -> str:
        return session.scalars(select(ReservationRow.state).where(ReservationRow.order_id == order)).one()

    def check(self) -> None:
        with db.reading() as session:
            assert [breach for look in CHECKS for breach in look(session)] == []
            assert session.scalars(select(StockRow.backordered)).one() <= 6
            of_all = backorders.waiting(session, list(self.orders))
            waits = [(lines["CHAIR"], self.orders[id]) for id, lines in of_all.items() if lines]
        assert all(late == whole for late, whole in waits[1:]), "only who waits longest has some of it"


WORKS: tuple[tuple[Callable[..., None], tuple[Any, ...]], ...] = (
    (Shop.receive, (SOME, PLACES)),
    (Shop.count, (SOME, PLACES)),
    (Shop.transfer, (SOME, PLACES)),
    (Shop.order, (SOME,)),
    (Shop.order, (SOME,)),
    (Shop.confirm, (WHICH,)),
    (Shop.confirm, (WHICH,)),
    (Shop.give_up, (WHICH,)),
    (Shop.expire, (WHICH,)),
    (Shop.call_off, (WHICH,)),
    (Shop.come_back, (WHICH,)),
)
STEPS = st.one_of(*(st.tuples(st.just(work), *wants) for work, wants in WORKS))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=6, max_size=14))
def test_stock_is_conserved_whatever_is_done_to_it(database: Database, steps: list[tuple[Any, ...]]) -> None:
    shop = Shop()
    for work, *wish in steps:
        try:
            with db.transaction() as session:
                work(shop, session, *wish)
        except IllegalMove:
            assert work in (Shop.count, Shop.transfer)
        shop.check()
