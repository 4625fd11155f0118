"""Holding stock for orders: reserve, sell, release, each for a whole wave of orders at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Float, String, bindparam, literal, select, update
from sqlalchemy.orm import Session

from config import settings
from rows import Many, inserting, number
from shop import stock_events
from shop.stock import Held, Kind, MovementRow, ReservationRow, StockRow
from shop.stock_events import Change
from sql import among, bare, direct, later, new_id, now

Wants = Mapping[str, Mapping[str, int]]  # order id -> SKU -> quantity

_LOCK = (
    select(StockRow.sku, StockRow.on_hand - StockRow.reserved)
    .where(among(StockRow.sku, "skus"))
    .order_by(StockRow.sku)
    .with_for_update(key_share=True)
)


def _changing(_: str, given: Any) -> Any:
    """The rows are locked already, in the order of their SKUs: an UPDATE ... FROM keeps no order (facts 13)."""
    stock = bare(StockRow)
    on_hand, reserved = stock.c.on_hand + given.hand, stock.c.reserved + given.held
    bounds = (stock.c.sku == given.sku, on_hand >= reserved, reserved >= 0)
    changed = update(stock).where(*bounds).values(on_hand=on_hand, reserved=reserved)
    return changed.returning(stock.c.sku, stock.c.on_hand, stock.c.reserved, stock.c.low_at)


_CHANGE = Many(_changing, bare(StockRow).c.sku, number("hand"), number("held"))
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


class StockBroken(RuntimeError):
    """The ledger says something impossible; nothing is changed and a person must look (`doctor`)."""


def reserve(session: Session, wants: Wants) -> dict[str, dict[str, int]]:
    """Hold what each order wants, first come first served, all of an order or nothing of it.

    Returns the orders that could not be served, with what was left of each SKU they lacked.
    """
    left = _lock(session, {sku for lines in wants.values() for sku in lines})
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
    _change(session, {sku: (0, n) for sku, n in taken.items()})
    if held:
        _HOLD(session, held, seconds=60.0 * settings().reservation_minutes)
    return lacking


def sell(session: Session, orders: Sequence[str]) -> set[str]:
    """Turn what these orders hold into sales. Returns the orders whose reservation had run out."""
    rows = _reserved(session, orders)
    gone = {row.order_id for row in rows if row.state != Held.HELD} | (set(orders) - {row.order_id for row in rows})
    selling = [row for row in rows if row.order_id not in gone]
    _lock(session, {row.sku for row in selling})
    _change(session, {sku: (-n, -n) for sku, n in _sums(selling).items()})
    _mark(session, selling, Held.SOLD)
    _write_ledger(session, selling, Kind.SALE, -1)
    return gone


def take_back(session: Session, goods: Wants) -> None:
    """What these orders had bought comes back to the shelf, by a movement of its own."""
    rows = [
        SimpleNamespace(order_id=order, sku=sku, quantity=n)
        for order, lines in sorted(goods.items())
        for sku, n in lines.items()
    ]
    _lock(session, {row.sku for row in rows})
    _change(session, {sku: (n, 0) for sku, n in _sums(rows).items()})
    _write_ledger(session, rows, Kind.RETURN, 1)


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


def _lock(session: Session, skus: set[str]) -> dict[str, int]:
    if not skus:
        return {}
    return dict(direct(session, _LOCK, {"skus": sorted(skus)}).all())


def _reserved(session: Session, orders: Sequence[str]) -> Sequence[Any]:
    rows: Sequence[Any] = direct(session, _OF_ORDERS, {"orders": list(orders)}).all()
    return rows


def _sums(rows: Sequence[Any]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.sku] += row.quantity
    return sums


def _change(session: Session, changes: Mapping[str, tuple[int, int]]) -> None:
    """Move (on hand, reserved) of each SKU; the condition in the statement is the last word."""
    rows = [{"sku": sku, "hand": hand, "held": held} for sku, (hand, held) in sorted(changes.items())]
    changed = _CHANGE(session, rows).all() if rows else []
    if len(changed) != len(rows):
        raise StockBroken(f"stock of {sorted(changes)} would leave its bounds")
    stock_events.note(session, [_change_of(row, *changes[row.sku]) for row in changed])


def _change_of(row: Any, hand: int, held: int) -> Change:
    left = row.on_hand - row.reserved
    return Change(row.sku, left - hand + held, left, row.low_at)


def _let_go(session: Session, rows: Sequence[Any], state: Held) -> None:
    _lock(session, {row.sku for row in rows})
    _change(session, {sku: (0, -n) for sku, n in _sums(rows).items()})
    _mark(session, rows, state)


_MARK = (
    update(bare(ReservationRow))
    .where(among(ReservationRow.order_id, "orders"), ReservationRow.state == Held.HELD)
    .values(state=bindparam("next_state"))
)


def _mark(session: Session, rows: Sequence[Any], state: Held) -> None:
    if rows:
        direct(session, _MARK, {"orders": sorted({row.order_id for row in rows}), "next_state": state})


_LEDGER = inserting(
    bare(MovementRow), "id", "sku", "quantity", "order_id", kind=bindparam("kind", type_=String), reason=literal("")
)


def _write_ledger(session: Session, rows: Sequence[Any], kind: Kind, sign: int) -> None:
    if rows:
        movements = [
            {"id": new_id(), "sku": row.sku, "quantity": sign * row.quantity, "order_id": row.order_id} for row in rows
        ]
        _LEDGER(session, movements, kind=kind)
