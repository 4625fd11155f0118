"""Backorders: units ordered that have not come in yet. The oldest order is served first, under the lock of the SKU.

Backordered units are not reserved. They become so, or are sold where the order is confirmed already, in the
transaction in which goods come in: no order waits while units are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.orm import Session

from db.bulk import Many, inserting, number
from db.functions import in_list
from db.statements import execute_core, table_of
from shop.stock.movements import Move, StockBroken, Wants, together
from shop.stock.tables import MOST_ON_HAND, ReservationRow, StockRow

UNLIMITED = MOST_ON_HAND
TERMS = ("backorder", "backorder_limit")

_ROW = table_of(ReservationRow)


class Served(NamedTuple):
    """So many units for an order that waited; `state` of its reservation: sold (the order is confirmed) or held."""

    order_id: str
    sku: str
    quantity: int
    state: str


def limits_of(wishes: Iterable[Mapping[str, Any]]) -> dict[str, int | None]:
    """Return by SKU how many may be backordered by `backorder` and `backorder_limit`; None: none may.

    SKUs that say neither are left out.
    """
    return {wish["sku"]: _most(wish) for wish in wishes if wish.keys() & set(TERMS)}


def set_terms(session: Session, variants: Iterable[Mapping[str, Any]]) -> None:
    """Store what `backorder` and `backorder_limit` say of these variants; one that says neither is left as it is."""
    allow(session, limits_of(variants))


def terms_of(most: int | None) -> dict[str, Any]:
    """Return the limit as `backorder` and `backorder_limit` of the API: the inverse of `limits_of`."""
    return {"backorder": most is not None, "backorder_limit": None if most == UNLIMITED else most}


def _most(wish: Mapping[str, Any]) -> int | None:
    limit = wish.get("backorder_limit")
    most = UNLIMITED if limit is None else int(limit)
    return most or None if wish.get("backorder", True) else None


def allow(session: Session, limits: Mapping[str, int | None]) -> None:
    """Set how many of each SKU may be backordered; None: none. Locks them by ascending SKU, as everywhere."""
    if limits:
        _ALLOW(session, [{"sku": sku, "backorder_limit": limits[sku]} for sku in sorted(limits)])


def waits(order_id: Any, sku: Any) -> ColumnElement[int]:
    """Return a scalar subquery: how many units of an order's line are still backordered."""
    row = ReservationRow
    of_it = select(row.backordered).where(row.order_id == order_id, row.sku == sku).correlate_except(row)
    return func.coalesce(of_it.scalar_subquery(), 0)


def waiting(session: Session, orders: Sequence[str]) -> Wants:
    """Return what these orders still wait for; an order that waits for nothing has an empty mapping."""
    found: dict[str, dict[str, int]] = {order: {} for order in orders}
    for order, sku, n in execute_core(session, _OF_ORDERS, {"orders": list(orders)}):
        found[order][sku] = n
    return found


def serve(session: Session, free: Mapping[str, int]) -> list[Served]:
    """Take so many of each SKU off the backorders that have waited longest, and return which order got how many.

    The SKUs are locked by the caller, who also updates their figures. Raises StockBroken when fewer wait.
    """
    rows = _NEXT(session, [{"sku": sku, "free": n} for sku, n in sorted(free.items())]).all()
    served = [Served(row.order_id, row.sku, min(row.backordered, row.free - row.before), row.state) for row in rows]
    if sum(one.quantity for one in served) != sum(free.values()):
        raise StockBroken(f"fewer wait than stock says: {dict(free)}")
    _take(session, [(one.order_id, one.sku, one.quantity) for one in served])
    return served


def drop(session: Session, orders: Sequence[str]) -> tuple[Wants, dict[str, Move]]:
    """Drop the backorders of these orders; returns what they waited for, and the moves for the caller to apply."""
    dropped = waiting(session, orders)
    parts = [(order, sku, n) for order, lines in dropped.items() for sku, n in lines.items()]
    _take(session, parts)
    return dropped, together((sku, Move(backordered=-n)) for _, sku, n in parts)


def _take(session: Session, parts: Sequence[tuple[str, str, int]]) -> None:
    rows = [{"order_id": order, "sku": sku, "backordered": n} for order, sku, n in sorted(parts)]
    if rows and len(_TAKE(session, rows).all()) != len(rows):
        raise StockBroken(f"fewer wait than was read: {rows}")


def _taking(_: str, given: Any) -> Any:
    left = _ROW.c.backordered - given.backordered
    this = (_ROW.c.order_id == given.order_id, _ROW.c.sku == given.sku, left >= 0)
    return update(_ROW).where(*this).values(backordered=left).returning(_ROW.c.sku)


def _next(_: str, given: Any) -> Any:
    """Select the first orders in each queue; `before`: how many units the orders ahead of one wait for."""
    turn = (_ROW.c.reserved_at, _ROW.c.order_id)
    all_before = func.sum(_ROW.c.backordered).over(partition_by=_ROW.c.sku, order_by=turn, rows=(None, 0))
    columns = (_ROW.c.order_id, _ROW.c.sku, _ROW.c.backordered, _ROW.c.state, given.free.label("free"))
    before = (all_before - _ROW.c.backordered).label("before")
    queue = select(*columns, before).where(_ROW.c.sku == given.sku, _ROW.c.backordered > 0).subquery()
    return select(queue).where(queue.c.before < queue.c.free).order_by(queue.c.sku, queue.c.before)


_ALLOW = inserting(
    table_of(StockRow),
    *("sku", "backorder_limit"),
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku"], set_={"backorder_limit": insert.excluded.backorder_limit}
    ),
    on_hand=literal(0),
    reserved=literal(0),
)
_TAKE = Many(_taking, _ROW.c.order_id, _ROW.c.sku, _ROW.c.backordered)
_NEXT = Many(_next, _ROW.c.sku, number("free"))
_OF_ORDERS = (
    select(ReservationRow.order_id, ReservationRow.sku, ReservationRow.backordered)
    .where(in_list(ReservationRow.order_id, "orders"), ReservationRow.backordered > 0)
    .order_by(ReservationRow.order_id, ReservationRow.sku)
)
