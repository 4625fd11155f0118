"""Invariants of stock and orders: nothing is oversold, nothing stays reserved, every history is a path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from shop.orders.history import IN_TURN, OrderEventRow
from shop.orders.orders import OrderRow
from shop.orders.states import GIVEN_UP, MOVES, Status
from shop.stock import tables as stock_tables
from shop.stock.locations import MAIN
from shop.stock.tables import Held, Kind, MovementRow, ReservationRow, StockRow


@invariant("I5", "per SKU and location on hand is the sum of its movements, and 0 <= reserved <= on hand")
def stock_is_conserved(session: Session) -> Iterator[str]:
    moved = stock_tables.moved(session)
    for row in session.scalars(select(StockRow)):
        ledger = moved.get(row.sku, {})
        if row.on_hand != sum(ledger.values()):
            yield f"{row.sku}: {row.on_hand} on hand, but its movements sum to {sum(ledger.values())}"
        if not 0 <= row.reserved <= row.on_hand:
            yield f"{row.sku}: {row.reserved} reserved of {row.on_hand} on hand"
        if row.backordered and row.reserved < row.on_hand:
            yield f"{row.sku}: {row.backordered} are waited for, and {row.on_hand - row.reserved} are there"
        yield from _misplaced(row, ledger)


def _misplaced(row: StockRow, ledger: Mapping[str, int]) -> Iterator[str]:
    away = sum(level.on_hand for level in row.levels)
    if row.elsewhere != away:
        yield f"{row.sku}: {row.elsewhere} elsewhere, but locations other than main have {away}"
    for place in sorted((row.places.keys() | ledger.keys()) - {MAIN}):
        there, moved = row.places.get(place, 0), ledger.get(place, 0)
        if there != moved:
            yield f"{row.sku}: {there} in {place}, but its movements there sum to {moved}"


@invariant("I5", "what is moved from one location to another is neither more nor less for it")
def transfers_cancel_out(session: Session) -> Iterator[str]:
    sums = select(MovementRow.sku, func.sum(MovementRow.quantity)).where(MovementRow.kind == Kind.TRANSFER)
    for sku, n in session.execute(sums.group_by(MovementRow.sku).having(func.sum(MovementRow.quantity) != 0)):
        yield f"{sku}: its transfers sum to {n}"


@invariant("I6", "no live reservation on a closed order, and their sum is what is reserved and backordered")
def reservations_add_up(session: Session) -> Iterator[str]:
    promised = stock_tables.promised(session)
    for sku, reserved, backordered in session.execute(select(StockRow.sku, StockRow.reserved, StockRow.backordered)):
        held, late = promised.get(sku, (0, 0))
        if reserved != held:
            yield f"{sku}: {reserved} reserved, but live reservations sum to {held}"
        if backordered != late:
            yield f"{sku}: {backordered} backordered, but orders wait for {late}"
    forgotten = (
        select(ReservationRow.order_id, ReservationRow.sku, OrderRow.status)
        .join(OrderRow, OrderRow.id == ReservationRow.order_id)
        .where(ReservationRow.state == Held.HELD, OrderRow.status != Status.PENDING)
    )
    for order, sku, status in session.execute(forgotten):
        yield f"order {order} is {status} and still holds {sku}"
    waiting = select(ReservationRow.order_id, ReservationRow.sku).where(ReservationRow.backordered > 0)
    closed = waiting.join(OrderRow, OrderRow.id == ReservationRow.order_id).where(OrderRow.status.in_(GIVEN_UP))
    for order, sku in session.execute(closed):
        yield f"order {order} is closed and still waits for {sku}"


@invariant("I10", "every order's history is a path of the state machine and ends where the order is")
def histories_are_paths(session: Session) -> Iterator[str]:
    paths: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    for event in session.scalars(select(OrderEventRow).order_by(*IN_TURN)):
        paths[event.order_id].append((event.from_status, event.to_status))
    for id, status in session.execute(select(OrderRow.id, OrderRow.status)):
        fault = _fault(paths[id], status)
        if fault:
            yield f"order {id}: {fault}"


def _fault(path: list[tuple[str | None, str]], status: str) -> str | None:
    at: str | None = None
    for came_from, went_to in path:
        if came_from != at:
            return f"a move from {came_from} when it was {at}"
        if at is not None and Status(went_to) not in MOVES[Status(at)]:
            return f"an undeclared move from {at} to {went_to}"
        at = went_to
    return None if at == status else f"its history ends at {at}, it is {status}"
