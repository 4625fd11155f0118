"""Holding stock for orders: reserve, sell, release, each for a whole wave of orders at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Float, bindparam, literal, select, update
from sqlalchemy.orm import Session

from config import settings
from rows import inserting
from shop import stock_changes, stock_places
from shop.stock import Held, Kind, ReservationRow
from shop.stock_changes import Lot, Move
from shop.stock_places import Wants
from sql import among, bare, direct, later, now

_OF_ORDERS = (
    select(ReservationRow.order_id, ReservationRow.sku, ReservationRow.quantity, ReservationRow.state)
    .where(among(ReservationRow.order_id, "orders"))
    .order_by(ReservationRow.order_id, ReservationRow.sku)
    .with_for_update()
)


_HOLD = inserting(
    bare(ReservationRow),
    "order_id",
    "sku",
    "quantity",
    state=literal(Held.HELD),
    expires_at=later(bindparam("seconds")),
)


def reserve(session: Session, wants: Wants) -> dict[str, dict[str, int]]:
    """Hold what each order wants, first come first served, all of an order or nothing of it.

    Returns the orders that could not be served, with what was left of each SKU they lacked.
    """
    rows = stock_changes.lock(session, {sku for lines in wants.values() for sku in lines})
    left = {sku: row.left for sku, row in rows.items()}
    lacking: dict[str, dict[str, int]] = {}
    taken: Counter[str] = Counter()
    held: list[dict[str, Any]] = []
    for order, lines in wants.items():
        short = {sku: left.get(sku, 0) - taken[sku] for sku, n in lines.items() if left.get(sku, 0) - taken[sku] < n}
        if short:
            lacking[order] = short
            continue
        taken.update(lines)
        held += [{"order_id": order, "sku": sku, "quantity": n} for sku, n in lines.items()]
    stock_changes.change(session, {sku: Move(reserved=n) for sku, n in taken.items()})
    if held:
        _HOLD(session, held, seconds=60.0 * settings().reservation_minutes)
    return lacking


def sell(session: Session, orders: Sequence[str]) -> set[str]:
    """Turn what these orders hold into sales. Returns the orders whose reservation had run out."""
    rows = _reserved(session, orders)
    gone = {row.order_id for row in rows if row.state != Held.HELD} | (set(orders) - {row.order_id for row in rows})
    selling = [row for row in rows if row.order_id not in gone]
    rows_of = stock_changes.lock(session, {row.sku for row in selling})
    lots = stock_places.choose(session, _wants(selling), {sku: row.main for sku, row in rows_of.items()})
    stock_places.put(session, lots)
    moves = stock_changes.coming(lots)
    stock_changes.change(session, {sku: move._replace(reserved=move.on_hand) for sku, move in moves.items()})
    _mark(session, selling, Held.SOLD)
    stock_changes.write(session, Kind.SALE, lots)
    return gone


def take_back(session: Session, lots: Sequence[Lot]) -> None:
    """What orders had bought comes back to the shelf, by movements of its own."""
    stock_changes.lock(session, {lot.sku for lot in lots})
    stock_places.put(session, lots)
    stock_changes.change(session, stock_changes.coming(lots))
    stock_changes.write(session, Kind.RETURN, lots)


def extend(session: Session, orders: Sequence[str], seconds: float) -> None:
    """Somebody is paying: what these orders hold stays theirs for at least so long from now."""
    held = [row.order_id for row in _reserved(session, orders) if row.state == Held.HELD]
    if held:
        direct(session, _EXTEND, {"orders": sorted(set(held)), "seconds": seconds})


_EXTEND = (
    update(bare(ReservationRow))
    .where(among(ReservationRow.order_id, "orders"), ReservationRow.state == Held.HELD)
    .where(ReservationRow.expires_at < later(bindparam("seconds", type_=Float())))
    .values(expires_at=later(bindparam("seconds", type_=Float())))
)


def release(session: Session, orders: Sequence[str]) -> None:
    """Give back whatever these orders still hold, and nothing else. Safe to repeat."""
    held = [row for row in _reserved(session, orders) if row.state == Held.HELD]
    _let_go(session, held, Held.RELEASED)


def release_expired(session: Session, limit: int = 500) -> int:
    """Give back what was held for longer than promised. Returns how many orders lost their reservation."""
    overdue = (
        select(ReservationRow.order_id)
        .where(ReservationRow.state == Held.HELD, ReservationRow.expires_at <= now())
        .order_by(ReservationRow.expires_at)
        .limit(limit)
    )
    orders = set(session.scalars(overdue))
    held = [row for row in _reserved(session, sorted(orders)) if row.state == Held.HELD]
    _let_go(session, held, Held.EXPIRED)
    return len(orders)


def _reserved(session: Session, orders: Sequence[str]) -> Sequence[Any]:
    rows: Sequence[Any] = direct(session, _OF_ORDERS, {"orders": list(orders)}).all()
    return rows


def _sums(rows: Sequence[Any]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.sku] += row.quantity
    return sums


def _wants(rows: Sequence[Any]) -> Wants:
    wants: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        wants[row.order_id][row.sku] = row.quantity
    return wants


def _let_go(session: Session, rows: Sequence[Any], state: Held) -> None:
    sums = _sums(rows)
    stock_changes.lock(session, sums.keys())
    stock_changes.change(session, {sku: Move(reserved=-n) for sku, n in sums.items()})
    _mark(session, rows, state)


_MARK = (
    update(bare(ReservationRow))
    .where(among(ReservationRow.order_id, "orders"), ReservationRow.state == Held.HELD)
    .values(state=bindparam("next_state"))
)


def _mark(session: Session, rows: Sequence[Any], state: Held) -> None:
    if rows:
        direct(session, _MARK, {"orders": sorted({row.order_id for row in rows}), "next_state": state})
