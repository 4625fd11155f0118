"""Stock is held, sold or let go; never oversold, never forgotten (P5, P6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import db
from db.functions import in_seconds
from db.schema import new_id
from shop.kernel.errors import IllegalMove
from shop.stock import adjustments, ledger, reservations
from shop.stock.tables import MovementRow, ReservationRow
from tasks import maintenance
from tests.api.catalogue_data import put_on_shelf, shelf
from tests.fixtures import Database

pytestmark = pytest.mark.usefixtures("database")


def _reserve(*wants: dict[str, int]) -> tuple[list[str], dict[str, dict[str, int]]]:
    orders = [new_id() for _ in wants]
    with db.transaction() as session:
        return orders, reservations.reserve(session, dict(zip(orders, wants, strict=True)))


def _sell(orders: Iterable[str]) -> set[str]:
    with db.transaction() as session:
        return reservations.sell(session, list(orders))


def _release(orders: Iterable[str]) -> None:
    with db.transaction() as session:
        reservations.release(session, list(orders))


def _ledger(sku: str) -> list[int]:
    with db.reading() as session:
        return list(
            session.scalars(select(MovementRow.quantity).where(MovementRow.sku == sku).order_by(MovementRow.id))
        )


def test_first_come_first_served_and_the_others_hold_nothing() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    (first, second, third), lacking = _reserve({"CHAIR": 3}, {"CHAIR": 3}, {"CHAIR": 2})
    assert lacking == {second: {"CHAIR": 2}}
    assert shelf("CHAIR") == (5, 5)
    with db.reading() as session:
        held = set(session.scalars(select(ReservationRow.order_id)))
    assert held == {first, third}


def test_an_order_is_served_whole_or_not_at_all() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    put_on_shelf("TABLE", on_hand=1)
    (order,), lacking = _reserve({"CHAIR": 2, "TABLE": 2})
    assert lacking == {order: {"TABLE": 1}}
    assert (shelf("CHAIR"), shelf("TABLE")) == ((5, 0), (1, 0))


def test_what_was_never_received_can_not_be_had() -> None:
    put_on_shelf("CHAIR", on_hand=0)
    (order,), lacking = _reserve({"CHAIR": 1})
    assert lacking == {order: {"CHAIR": 0}}


def test_sold_goods_leave_the_shelf_and_the_ledger_says_so() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    orders, _ = _reserve({"CHAIR": 2}, {"CHAIR": 1})
    assert _sell(orders) == set()
    assert shelf("CHAIR") == (2, 0)
    assert _ledger("CHAIR") == [5, -2, -1]


def test_selling_twice_sells_once() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    orders, _ = _reserve({"CHAIR": 2})
    _sell(orders)
    assert _sell(orders) == set(orders), "what is sold is not held any more"
    assert shelf("CHAIR") == (3, 0)
    assert _ledger("CHAIR") == [5, -2]


def test_releasing_touches_only_what_is_still_held() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    (sold, held), _ = _reserve({"CHAIR": 2}, {"CHAIR": 1})
    _sell([sold])
    for _ in range(2):
        _release([sold, held, new_id()])
    assert shelf("CHAIR") == (3, 0)
    assert _ledger("CHAIR") == [5, -2]


def test_a_reservation_runs_out_by_itself_and_can_not_be_sold_then() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    (late, early), _ = _reserve({"CHAIR": 2}, {"CHAIR": 1})
    with db.transaction() as session:
        session.execute(
            update(ReservationRow).where(ReservationRow.order_id == late).values(expires_at=in_seconds(-1.0))
        )
    with db.transaction() as session:
        assert reservations.release_expired(session) == 1
        assert reservations.release_expired(session) == 0
    assert shelf("CHAIR") == (5, 1)
    assert _sell([late, early]) == {late}
    assert shelf("CHAIR") == (4, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_is_extended_while_it_is_about_to_run_out_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The payment takes its time, and says so just before the lock. SQLite has one writer."""
    put_on_shelf("CHAIR", on_hand=5)
    (late,), _ = _reserve({"CHAIR": 2})
    with db.transaction() as session:
        lapsed = update(ReservationRow).where(ReservationRow.order_id == late)
        session.execute(lapsed.values(expires_at=in_seconds(-1.0)))
    lock_held = ledger.lock_held

    def extended_first(session: Session, orders: Sequence[str]) -> object:
        with db.transaction() as another:
            reservations.extend(another, [late], 600.0)
        return lock_held(session, orders)

    monkeypatch.setattr(ledger, "lock_held", extended_first)
    with db.transaction() as session:
        assert reservations.release_expired(session) == 0
    assert (shelf("CHAIR"), _sell([late])) == ((5, 2), set())


def test_p11_two_clocks_that_fire_at_the_same_moment_give_back_once() -> None:
    put_on_shelf("CHAIR", on_hand=20)
    _reserve(*[{"CHAIR": 1}] * 20)
    with db.transaction() as session:
        session.execute(update(ReservationRow).values(expires_at=in_seconds(-1.0)))
    with ThreadPoolExecutor(2) as clocks:
        fired = [clocks.submit(maintenance.release_expired_reservations) for _ in range(2)]
    assert [one.result() for one in fired] == [None, None]
    assert shelf("CHAIR") == (20, 0)
    assert _ledger("CHAIR") == [20]


def test_reserved_goods_can_not_be_counted_away() -> None:
    put_on_shelf("CHAIR", on_hand=5)
    _reserve({"CHAIR": 4})
    with pytest.raises(IllegalMove), db.transaction() as session:
        adjustments.adjust(session, "CHAIR", -2, "broken")
    assert shelf("CHAIR") == (5, 4)
    assert _ledger("CHAIR") == [5]


def test_twenty_at_once_over_two_goods_in_any_order_sell_no_more_than_there_is(database: Database) -> None:
    put_on_shelf("CHAIR", on_hand=10)
    put_on_shelf("TABLE", on_hand=10)
    wants = [{"CHAIR": 1, "TABLE": 1}, {"TABLE": 1, "CHAIR": 1}] * 10

    def buy(want: dict[str, int]) -> bool:
        order = new_id()
        return not db.in_transaction(lambda session: reservations.reserve(session, {order: want}))

    with ThreadPoolExecutor(8) as pool:
        served = list(pool.map(buy, wants))
    assert served.count(True) == 10
    assert (shelf("CHAIR"), shelf("TABLE")) == ((10, 10), (10, 10))
