"""Changing stock: rows are locked in the order of their SKUs, changed under a condition, and the ledger says why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.orm import Session

from rows import Many, inserting, number
from shop import stock_events
from shop.locations import MAIN
from shop.stock import Kind, MovementRow, StockRow
from shop.stock_events import Change
from sql import ID, among, bare, direct, new_id

_LOCK = (
    select(StockRow.sku, (StockRow.on_hand - StockRow.reserved).label("left"))
    .add_columns((StockRow.on_hand - StockRow.elsewhere).label("main"))
    .where(among(StockRow.sku, "skus"))
    .order_by(StockRow.sku)
    .with_for_update(key_share=True)
)


class StockBroken(RuntimeError):
    """The ledger says something impossible; nothing is changed and a person must look (`doctor`)."""


class Move(NamedTuple):
    """What is added to the figures of one SKU."""

    on_hand: int = 0
    reserved: int = 0
    elsewhere: int = 0


class Lot(NamedTuple):
    """So many of a SKU that come to a location; fewer than none leave it."""

    sku: str
    quantity: int
    location: str = MAIN
    order_id: str | None = None


def lock(session: Session, skus: Collection[str]) -> Mapping[str, Any]:
    """Until the transaction ends. By SKU what is `left` to be promised, and what lies in `main`."""
    rows = direct(session, _LOCK, {"skus": sorted(skus)}).all() if skus else []
    return {row.sku: row for row in rows}


def change(session: Session, moves: Mapping[str, Move]) -> None:
    """Of rows that are locked; the condition in the statement is the last word."""
    rows = [{"sku": sku, **move._asdict()} for sku, move in sorted(moves.items())]
    changed = _CHANGE(session, rows).all() if rows else []
    if len(changed) != len(rows):
        raise StockBroken(f"stock of {sorted(moves)} would leave its bounds")
    stock_events.note(session, [_change_of(row, moves[row.sku]) for row in changed])


def write(session: Session, kind: Kind, lots: Sequence[Lot], reason: str = "", actor_id: str | None = None) -> None:
    """Into the ledger."""
    if lots:
        _LEDGER(session, [{"id": new_id(), **lot._asdict()} for lot in lots], kind=kind, reason=reason, actor=actor_id)


def coming(lots: Iterable[Lot]) -> dict[str, Move]:
    """What these lots do to each SKU."""
    moves: dict[str, Move] = {}
    for lot in lots:
        one = moves.get(lot.sku, Move())
        away = 0 if lot.location == MAIN else lot.quantity
        moves[lot.sku] = one._replace(on_hand=one.on_hand + lot.quantity, elsewhere=one.elsewhere + away)
    return moves


def _changing(_: str, given: Any) -> Any:
    """The rows are locked already, in the order of their SKUs: an UPDATE ... FROM keeps no order (facts 13)."""
    stock = bare(StockRow)
    after = {name: stock.c[name] + getattr(given, name) for name in Move._fields}
    parts = [after[name] >= 0 for name in ("reserved", "elsewhere")]
    bounds = [after[name] <= after["on_hand"] for name in ("reserved", "elsewhere")]
    changed = update(stock).where(stock.c.sku == given.sku, *parts, *bounds).values(after)
    return changed.returning(stock.c.sku, stock.c.on_hand, stock.c.reserved, stock.c.low_at)


def _change_of(row: Any, move: Move) -> Change:
    left = row.on_hand - row.reserved
    return Change(row.sku, left - move.on_hand + move.reserved, left, row.low_at)


_CHANGE = Many(_changing, bare(StockRow).c.sku, *map(number, Move._fields))
_LEDGER = inserting(
    bare(MovementRow),
    *("id", "sku", "quantity", "location", "order_id"),
    kind=bindparam("kind", type_=String),
    reason=bindparam("reason", type_=String),
    actor_id=bindparam("actor", type_=ID),
)
