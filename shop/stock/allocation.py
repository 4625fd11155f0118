"""Locations of goods: where they lie, and from where a sale takes them. The caller has locked the SKUs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.bulk import Many, inserting
from db.functions import in_list
from db.statements import execute_core, table_of
from shop.stock.locations import MAIN
from shop.stock.movements import Lot, StockBroken, Wants
from shop.stock.tables import Kind, LevelRow, MovementRow

_LEVEL = table_of(LevelRow)
_LEVELS = (
    select(LevelRow.sku, LevelRow.location, LevelRow.on_hand)
    .where(in_list(LevelRow.sku, "skus"), LevelRow.on_hand > 0)
    .order_by(LevelRow.sku, LevelRow.on_hand.desc(), LevelRow.location)
)


def choose(session: Session, wants: Wants, main: Mapping[str, int]) -> list[Lot]:
    """Return the lots (negative) that these orders take: first from main, then from where most of a SKU lies.

    main: how many of each SKU lie there; the other locations are read only when that is too few. Raises StockBroken
    when the locations hold fewer than wanted.
    """
    asked = Counter[str]()
    for lines in wants.values():
        asked.update(lines)
    there = {sku: {MAIN: main[sku]} for sku in asked}
    short = sorted(sku for sku, n in asked.items() if n > main[sku])
    for sku, location, n in execute_core(session, _LEVELS, {"skus": short}) if short else ():
        there[sku][location] = n
    return [
        lot for order, lines in wants.items() for sku, n in lines.items() for lot in _taken(there[sku], order, sku, n)
    ]


def receive(session: Session, lots: Sequence[Lot]) -> None:
    """Update the levels of locations other than main, which is what they leave of all on hand. Raises StockBroken."""
    sums = Counter[tuple[str, str]]()
    for lot in lots:
        if lot.location != MAIN:
            sums[lot.sku, lot.location] += lot.quantity
    more = [_row(*place, n) for place, n in sorted(sums.items()) if n > 0]
    fewer = [_row(*place, n) for place, n in sorted(sums.items()) if n < 0]
    if more:
        _MORE(session, more)
    if fewer and len(_FEWER(session, fewer).all()) != len(fewer):
        raise StockBroken(f"more would be taken than there is of {fewer}")


def sold_from(session: Session, wants: Wants) -> list[Lot]:
    """Return the lots (positive) that put what these orders bought back where it was taken from."""
    away: dict[tuple[str, str], list[Lot]] = defaultdict(list)
    for order, sku, location, n in execute_core(session, _AWAY, {"orders": sorted(wants)}):
        away[order, sku].append(Lot(sku, int(n), location, order))
    found = []
    for order, lines in sorted(wants.items()):
        for sku, quantity in lines.items():
            lots = away[order, sku]
            here = Lot(sku, quantity - sum(lot.quantity for lot in lots), MAIN, order)
            found += [lot for lot in (here, *lots) if lot.quantity]
    return found


def _taken(there: dict[str, int], order: str, sku: str, quantity: int) -> Iterator[Lot]:
    for location, n in there.items():
        taken = min(n, quantity)
        if taken:
            there[location] -= taken
            quantity -= taken
            yield Lot(sku, -taken, location, order)
    if quantity:
        raise StockBroken(f"{quantity} of {sku} are on hand and lie nowhere")


def _row(sku: str, location: str, on_hand: int) -> dict[str, Any]:
    return {"sku": sku, "location": location, "on_hand": on_hand}


def _fewer(_: str, given: Any) -> Any:
    on_hand = _LEVEL.c.on_hand + given.on_hand
    this = (_LEVEL.c.sku == given.sku, _LEVEL.c.location == given.location, on_hand >= 0)
    return update(_LEVEL).where(*this).values(on_hand=on_hand).returning(_LEVEL.c.sku)


_MORE = inserting(
    _LEVEL,
    *("sku", "location", "on_hand"),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku", "location"], set_={"on_hand": _LEVEL.c.on_hand + insert.excluded.on_hand}
    ),
)
_FEWER = Many(_fewer, *_LEVEL.c)
_AWAY = (
    select(MovementRow.order_id, MovementRow.sku, MovementRow.location, -func.sum(MovementRow.quantity))
    .where(in_list(MovementRow.order_id, "orders"), text("location <> 'main'"))
    .where(MovementRow.kind.in_((Kind.SALE, Kind.TRANSFER)))
    .group_by(MovementRow.order_id, MovementRow.sku, MovementRow.location)
    .order_by(MovementRow.order_id, MovementRow.sku, MovementRow.location)
)
