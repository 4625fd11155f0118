"""Repair stock figures by what they derive from: the ledger of movements, and the live reservations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shop.orders.orders import OrderRow
from shop.orders.states import GIVEN_UP, Status
from shop.stock import allocation, reservations
from shop.stock import ledger as stock_ledger
from shop.stock import tables as stock_tables
from shop.stock.locations import MAIN
from shop.stock.movements import Lot, Move
from shop.stock.tables import Held, LevelRow, ReservationRow, StockRow


@dataclass(frozen=True)
class Figures:
    """The stock figures of one SKU, in units. `places`: the units in each location other than main."""

    on_hand: int
    reserved: int
    elsewhere: int
    backordered: int
    places: Mapping[str, int]


@dataclass(frozen=True)
class Wrong:
    """A SKU whose stored figures differ from the derived ones."""

    sku: str
    now: Figures
    derived: Figures

    @property
    def possible(self) -> bool:
        """Say whether the derived figures are consistent; if not, only a count of the goods can settle them."""
        new = self.derived
        least = min(new.places.values(), default=0)
        return 0 <= new.reserved <= new.on_hand and new.elsewhere <= new.on_hand and least >= 0

    def __str__(self) -> str:
        now, new = self.now, self.derived
        told = [("on hand", now.on_hand, new.on_hand), ("reserved", now.reserved, new.reserved)]
        told += [(f"in {place}", *each) for place, each in self._places() if each[0] != each[1]]
        more = (("elsewhere", now.elsewhere, new.elsewhere), ("backordered", now.backordered, new.backordered))
        told += [one for one in more if one[1] != one[2]]
        return f"{self.sku}: " + ", ".join(f"{name} {before} -> {after}" for name, before, after in told)

    def _places(self) -> list[tuple[str, tuple[int, int]]]:
        now, new = self.now.places, self.derived.places
        return [(place, (now.get(place, 0), new.get(place, 0))) for place in sorted(now.keys() | new.keys())]


def forgotten(session: Session) -> list[str]:
    """Return the ids of orders that still hold a reservation, or were given up and still wait for goods."""
    row = ReservationRow
    holds = (row.state == Held.HELD) & (OrderRow.status != Status.PENDING)
    waits = (row.backordered > 0) & OrderRow.status.in_(GIVEN_UP)
    query = select(row.order_id).join(OrderRow, OrderRow.id == row.order_id).where(holds | waits)
    return list(session.scalars(query.distinct().order_by(row.order_id)))


def wrong(session: Session) -> list[Wrong]:
    """Return the SKUs whose figures are wrong, by SKU."""
    moved, promised = stock_tables.moved(session), stock_tables.promised(session)
    rows = session.scalars(select(StockRow).order_by(StockRow.sku).execution_options(populate_existing=True))
    all_of_them = [
        Wrong(row.sku, _said(row), _derived(moved.get(row.sku, {}), promised.get(row.sku, (0, 0)))) for row in rows
    ]
    return [one for one in all_of_them if one.now != one.derived]


def put_right(session: Session) -> tuple[Sequence[str], Sequence[Wrong]]:
    """Repair the stock, with every stock row locked until the transaction ends. Safe to call twice.

    Returns the orders whose goods were released, and what was wrong before; what is not `possible` was left as it is.
    """
    session.execute(select(StockRow.sku).order_by(StockRow.sku).with_for_update()).all()
    found = wrong(session)
    for one in found:
        if one.possible:
            _set(session, one.sku, one.derived)
    orders = forgotten(session)
    reservations.release(session, orders)
    reservations.cancel_backorders(session, orders)
    stock_ledger.change(session, dict.fromkeys(_waited_for(session, found), Move()))
    return orders, found


def _waited_for(session: Session, found: Sequence[Wrong]) -> list[str]:
    """Return the SKUs that have free units while orders wait for them, without those that need a person."""
    free = (StockRow.backordered > 0) & (StockRow.on_hand > StockRow.reserved)
    unclear = [one.sku for one in found if not one.possible]
    return list(session.scalars(select(StockRow.sku).where(free, StockRow.sku.not_in(unclear)).order_by(StockRow.sku)))


def _said(row: StockRow) -> Figures:
    return Figures(row.on_hand, row.reserved, row.elsewhere, row.backordered, _elsewhere(row.places))


def _derived(moved: Mapping[str, int], promised: tuple[int, int]) -> Figures:
    places, (held, late) = _elsewhere(moved), promised
    return Figures(sum(moved.values()), held, sum(places.values()), late, places)


def _elsewhere(places: Mapping[str, int]) -> dict[str, int]:
    return {place: n for place, n in places.items() if n and place != MAIN}


def _set(session: Session, sku: str, to: Figures) -> None:
    values = {name: getattr(to, name) for name in ("on_hand", "reserved", "elsewhere", "backordered")}
    session.execute(update(StockRow).where(StockRow.sku == sku).values(values))
    session.execute(delete(LevelRow).where(LevelRow.sku == sku))
    allocation.receive(session, [Lot(sku, n, place) for place, n in to.places.items()])
