"""Change stock: rows are locked by ascending SKU, changed under a condition, and the ledger says why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, func, select, update
from sqlalchemy.orm import Session

from db.bulk import Many, inserting, number
from db.functions import in_list
from db.schema import ID, new_id
from db.statements import execute_core, table_of
from shop.stock import allocation, availability_events, backorders
from shop.stock.availability_events import Change
from shop.stock.backorders import Served
from shop.stock.movements import Lot, Move, Moves, StockBroken, Wants, coming, together
from shop.stock.tables import Held, Kind, MovementRow, ReservationRow, StockRow


def lock(session: Session, skus: Collection[str]) -> Mapping[str, Any]:
    """Lock these SKUs by ascending SKU and return their figures; SKUs without stock are left out.

    `left`: available units. `room`: how many more may be backordered. `main`: how many on hand lie in main.
    """
    return _locked(execute_core(session, _LOCK, {"skus": sorted(skus)})) if skus else {}


def lock_held(session: Session, orders: Sequence[str]) -> Mapping[str, Any]:
    """Do as `lock` for the SKUs that these orders have reserved. SKUs are always locked before reservations."""
    return _locked(execute_core(session, _LOCK_HELD, {"orders": list(orders)}))


def book(
    session: Session,
    kind: Kind,
    lots: Sequence[Lot],
    reason: str = "",
    actor_id: str | None = None,
    also: Iterable[tuple[str, Move]] = (),
) -> None:
    """Append movements of locked SKUs to the ledger and change their figures; `also`: further changes of figures.

    Serves backorders with what is free then. Raises StockBroken when a figure would leave its bounds.
    """
    allocation.receive(session, lots)
    _write(session, kind, lots, reason, actor_id)
    change(session, together([*coming(lots).items(), *also]))


def change(session: Session, moves: Moves) -> None:
    """Change the figures of locked SKUs, serve backorders with what is free then, and record availability events.

    Raises StockBroken when a figure would leave its bounds.
    """
    rows = _changed(session, moves)
    free = {row.sku: min(row.on_hand - row.reserved, row.backordered) for row in rows}
    hungry = {sku: n for sku, n in free.items() if n > 0}
    if hungry:
        _fill(session, hungry, {row.sku: row.on_hand - row.elsewhere for row in rows})
    availability_events.record(session, [_change_of(row, moves[row.sku], hungry.get(row.sku, 0)) for row in rows])


def _changed(session: Session, moves: Moves) -> Sequence[Any]:
    """Update the figures and return the rows. The statement itself checks the bounds; raises StockBroken."""
    given = [{"sku": sku, **move._asdict()} for sku, move in sorted(moves.items())]
    rows: Sequence[Any] = _CHANGE(session, given).all() if given else []
    if len(rows) != len(given):
        raise StockBroken(f"stock of {sorted(moves)} would leave its bounds")
    return rows


def _fill(session: Session, free: Mapping[str, int], main: Mapping[str, int]) -> None:
    """Give free units to backorders: reserved for pending orders, sold to confirmed ones."""
    served = backorders.serve(session, free)
    lots = allocation.choose(session, _sold(served), main)
    allocation.receive(session, lots)
    _write(session, Kind.SALE, lots)
    _changed(session, together([*coming(lots).items(), *map(_served, served)]))


def _served(one: Served) -> tuple[str, Move]:
    return one.sku, Move(reserved=0 if one.state == Held.SOLD else one.quantity, backordered=-one.quantity)


def _sold(served: Sequence[Served]) -> Wants:
    wants: dict[str, dict[str, int]] = defaultdict(dict)
    for one in served:
        if one.state == Held.SOLD:
            wants[one.order_id][one.sku] = one.quantity
    return wants


def _write(session: Session, kind: Kind, lots: Sequence[Lot], reason: str = "", actor_id: str | None = None) -> None:
    if lots:
        _LEDGER(session, [{"id": new_id(), **lot._asdict()} for lot in lots], kind=kind, reason=reason, actor=actor_id)


def _locked(rows: Any) -> Mapping[str, Any]:
    return {row.sku: row for row in rows}


def _changing(_: str, given: Any) -> Any:
    """The rows are locked already, in the order of their SKUs: an UPDATE ... FROM keeps no order."""
    stock = table_of(StockRow)
    after = {name: stock.c[name] + getattr(given, name) for name in Move._fields}
    least = [after[name] >= 0 for name in ("reserved", "elsewhere", "backordered")]
    most = [after[name] <= after["on_hand"] for name in ("reserved", "elsewhere")]
    changed = update(stock).where(stock.c.sku == given.sku, *least, *most).values(after)
    return changed.returning(stock.c.sku, stock.c.low_at, *(stock.c[name] for name in Move._fields))


def _change_of(row: Any, move: Move, filled: int) -> Change:
    left = row.on_hand - row.reserved
    return Change(row.sku, left - move.on_hand + move.reserved, left - filled, row.low_at)


_FIGURES: Sequence[ColumnElement[Any]] = (
    (StockRow.on_hand - StockRow.reserved).label("left"),
    func.coalesce(StockRow.backorder_limit - StockRow.backordered, 0).label("room"),
    (StockRow.on_hand - StockRow.elsewhere).label("main"),
)
_LOCKING = select(StockRow.sku, *_FIGURES).order_by(StockRow.sku).with_for_update(key_share=True)
_LOCK = _LOCKING.where(in_list(StockRow.sku, "skus"))
_LOCK_HELD = _LOCKING.where(
    StockRow.sku.in_(
        select(ReservationRow.sku).where(in_list(ReservationRow.order_id, "orders"), ReservationRow.state == Held.HELD)
    )
)
_CHANGE = Many(_changing, table_of(StockRow).c.sku, *map(number, Move._fields))
_LEDGER = inserting(
    table_of(MovementRow),
    *("id", "sku", "quantity", "location", "order_id"),
    kind=bindparam("kind", type_=String),
    reason=bindparam("reason", type_=String),
    actor_id=bindparam("actor", type_=ID),
)
