"""Reservations: reserve, sell and release stock, each for a whole wave of orders at once.

SKUs are always locked before reservations, since goods that come in are given to orders that wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, bindparam, literal, select, update
from sqlalchemy.orm import Session

from config import settings
from db.bulk import inserting
from db.functions import in_list, in_seconds, statement_time, transaction_time
from db.statements import execute_core, table_of
from shop.stock import allocation, backorders
from shop.stock import ledger as stock_ledger
from shop.stock.movements import Lot, Move, Wants, together
from shop.stock.tables import Held, Kind, ReservationRow


@dataclass
class _Shelf:
    """What can be reserved of one SKU: `left` units available, and `room` for so many on backorder."""

    left: int = 0
    room: int = 0

    @property
    def most(self) -> int:
        return self.left + max(0, self.room)

    def take(self, quantity: int) -> int:
        """Take so many, available ones first; returns how many of them are backordered."""
        there = min(quantity, self.left)
        self.left -= there
        self.room -= quantity - there
        return quantity - there


def reserve(session: Session, wants: Wants) -> dict[str, dict[str, int]]:
    """Lock the SKUs and reserve what each order wants, in the order given: all of an order or nothing of it.

    Returns the orders that got nothing, with how many could be had of each SKU they lacked. A reservation lapses after
    `reservation_minutes`.
    """
    rows = stock_ledger.lock(session, {sku for lines in wants.values() for sku in lines})
    shelves = defaultdict(_Shelf, {sku: _Shelf(row.left, row.room) for sku, row in rows.items()})
    lacking: dict[str, dict[str, int]] = {}
    held: list[dict[str, Any]] = []
    for order, lines in wants.items():
        short = {sku: shelves[sku].most for sku, n in lines.items() if shelves[sku].most < n}
        if short:
            lacking[order] = short
            continue
        held += [_wish(order, sku, n, shelves[sku].take(n)) for sku, n in lines.items()]
    stock_ledger.change(session, together((row["sku"], _held(row["quantity"], row["backordered"])) for row in held))
    if held:
        _HOLD(session, held, seconds=60.0 * settings().reservation_minutes)
    return lacking


def sell(session: Session, orders: Sequence[str]) -> set[str]:
    """Turn the reservations of these orders into sales; backordered units are sold when they come in.

    Returns the orders of which nothing is sold because their reservation is not held any more, or never was.
    """
    main = {sku: row.main for sku, row in stock_ledger.lock_held(session, orders).items()}
    rows = _reserved(session, orders)
    gone = {row.order_id for row in rows if row.state != Held.HELD} | (set(orders) - {row.order_id for row in rows})
    selling = [row for row in rows if row.order_id not in gone]
    lots = allocation.choose(session, _there(selling), main)
    if selling:
        execute_core(session, _SELL, {"orders": _orders(selling)})
    stock_ledger.book(session, Kind.SALE, lots, also=[(lot.sku, Move(reserved=lot.quantity)) for lot in lots])
    return gone


def restock(session: Session, lots: Sequence[Lot]) -> None:
    """Book returned goods in, by movements of their own. Locks the SKUs."""
    stock_ledger.lock(session, {lot.sku for lot in lots})
    stock_ledger.book(session, Kind.RETURN, lots)


def cancel_sale(session: Session, bought: Wants) -> None:
    """Take back the sales of orders that were confirmed: lock their SKUs, drop backorders, book the goods in again.

    bought: all lines of these orders, backordered units included.
    """
    stock_ledger.lock(session, {sku for lines in bought.values() for sku in lines})
    dropped = cancel_backorders(session, sorted(bought))
    had = {o: {sku: n - dropped[o].get(sku, 0) for sku, n in lines.items()} for o, lines in bought.items()}
    stock_ledger.book(session, Kind.RETURN, allocation.sold_from(session, had))


def cancel_backorders(session: Session, orders: Sequence[str]) -> Wants:
    """Drop the backorders of these orders, whose SKUs the caller has locked. Returns what they waited for."""
    dropped, moves = backorders.drop(session, orders)
    stock_ledger.change(session, moves)
    return dropped


def extend(session: Session, orders: Sequence[str], seconds: float) -> None:
    """Keep the reservations that these orders hold for at least so many seconds from now. Never shortens one.

    For orders whose payment takes its time. One that has expired or was released stays so.
    """
    held = _orders([row for row in _reserved(session, orders) if row.state == Held.HELD])
    if held:
        execute_core(session, _EXTEND, {"orders": held, "seconds": seconds})


def release(session: Session, orders: Sequence[str]) -> None:
    """Release whatever these orders still hold, their backorders included, and nothing else. Safe to repeat."""
    _close(session, orders, Held.RELEASED)


def release_expired(session: Session, limit: int = 500) -> int:
    """Release up to `limit` expired reservations, oldest first, with all that their orders hold.

    Returns how many orders they were of.
    """
    overdue = (
        select(ReservationRow.order_id)
        .where(ReservationRow.state == Held.HELD, ReservationRow.expires_at <= transaction_time())
        .order_by(ReservationRow.expires_at)
        .limit(limit)
    )
    return _close(session, sorted(set(session.scalars(overdue))), Held.EXPIRED)


def _close(session: Session, orders: Sequence[str], state: Held) -> int:
    """Return of how many orders reservations were closed; of those overdue when they were looked for, who still are."""
    if not stock_ledger.lock_held(session, orders):
        return 0
    held = [row for row in _reserved(session, orders) if row.state == Held.HELD]
    if state == Held.EXPIRED:  # `extend` may have been here before the lock
        overdue = {row.order_id for row in held if row.overdue}
        held = [row for row in held if row.order_id in overdue]
    if held:
        execute_core(session, _LET_GO, {"orders": _orders(held), "next_state": state})
    stock_ledger.change(session, together((row.sku, _held(-row.quantity, -row.backordered)) for row in held))
    return len(_orders(held))


def _reserved(session: Session, orders: Sequence[str]) -> Sequence[Any]:
    rows: Sequence[Any] = execute_core(session, _OF_ORDERS, {"orders": list(orders)}).all()
    return rows


def _wish(order: str, sku: str, quantity: int, late: int) -> dict[str, Any]:
    return {"order_id": order, "sku": sku, "quantity": quantity, "backordered": late}


def _held(quantity: int, late: int) -> Move:
    return Move(reserved=quantity - late, backordered=late)


def _there(rows: Sequence[Any]) -> Wants:
    """Return the quantities of these reservations that are not backordered."""
    wants: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        wants[row.order_id][row.sku] = row.quantity - row.backordered
    return wants


def _orders(rows: Sequence[Any]) -> list[str]:
    return sorted({row.order_id for row in rows})


_OF_ORDERS = (
    select(ReservationRow.order_id, ReservationRow.sku, ReservationRow.quantity, ReservationRow.state)
    .add_columns(ReservationRow.backordered, (ReservationRow.expires_at <= transaction_time()).label("overdue"))
    .where(in_list(ReservationRow.order_id, "orders"))
    .order_by(ReservationRow.order_id, ReservationRow.sku)
    .with_for_update()
)
_HOLD = inserting(
    table_of(ReservationRow),
    *("order_id", "sku", "quantity", "backordered"),
    state=literal(Held.HELD),
    reserved_at=statement_time(),
    expires_at=in_seconds(bindparam("seconds")),
)
_THESE = update(table_of(ReservationRow)).where(
    in_list(ReservationRow.order_id, "orders"), ReservationRow.state == Held.HELD
)
_SELL = _THESE.values(state=Held.SOLD)
_LET_GO = _THESE.values(state=bindparam("next_state"), backordered=0)
_EXTEND = _THESE.where(ReservationRow.expires_at < in_seconds(bindparam("seconds", type_=Float()))).values(
    expires_at=in_seconds(bindparam("seconds", type_=Float()))
)
