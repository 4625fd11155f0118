"""Invariants of parcels and returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from engine.states import ENDED, Mark
from engine.tables import JournalRow, RunRow
from shop.fulfilment import parcel_shares, parcels, returns
from shop.fulfilment.parcels import FulfilmentLineRow, FulfilmentRow
from shop.fulfilment.returns import ReturnLineRow, ReturnRow
from shop.orders import orders
from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.states import FulfilmentStatus
from shop.payments.payments import PaymentRow
from shop.stock.tables import Kind, MovementRow

Sums = Counter[tuple[str, str]]  # order and SKU -> how many


@invariant("I10", "no more is sent than was ordered and has come in, no more comes back than was shipped or sold")
def parcels_are_within_bounds(session: Session) -> Iterator[str]:
    line = OrderLineRow
    ordered = _sums(session, select(line.order_id, line.sku, func.sum(line.quantity)).group_by(line.order_id, line.sku))
    shipped, back = _parcels(session, parcels.GONE), _returned(session)
    yield from _beyond(_parcels(session, parcels.LIVE), ordered, "sent", "ordered")
    yield from _beyond(_parcels(session, parcels.LIVE), _moved(session, Kind.SALE, -1), "sent", "sold")
    yield from _beyond(back, shipped, "came back", "shipped")
    yield from _beyond(_moved(session, Kind.RETURN, 1), _moved(session, Kind.SALE, -1), "restocked", "sold")


@invariant("I10", "what an order says of its parcels is what they are")
def fulfilment_status_is_derived(session: Session) -> Iterator[str]:
    packed: Counter[str] = Counter()
    for (id, _), n in _parcels(session, parcels.LIVE).items():
        packed[id] += n
    row = OrderRow
    whole = select(row.id, row.fulfilment_status, func.sum(OrderLineRow.quantity)).join(OrderLineRow)
    for id, status, n in session.execute(whole.group_by(row.id, row.fulfilment_status)):
        partly = FulfilmentStatus.PARTIAL if packed[id] else FulfilmentStatus.UNFULFILLED
        derived = FulfilmentStatus.FULFILLED if packed[id] == n else partly
        if status != derived:
            yield f"order {id} says {status}, its parcels {derived}"


@invariant("I10", "what has left is captured, being captured, paid otherwise, written off, or needs attention")
def what_left_is_paid_for(session: Session) -> Iterator[str]:
    row = PaymentRow
    short = row.spare.is_(False) & (row.method == "card") & (row.captured < row.amount)
    settled = _being_captured(session) | _written_off(session)
    gone = select(FulfilmentRow.order_id).where(FulfilmentRow.status.in_(parcels.GONE))
    for order_id, captured in session.execute(select(row.order_id, row.captured).where(short, row.order_id.in_(gone))):
        due = parcel_shares.due(orders.get(session, order_id), parcels.shipped(session, order_id))
        if captured < due and order_id not in settled:
            yield f"order {order_id}: {captured} captured of {due} that are due with what has left"


def _being_captured(session: Session) -> set[str]:
    """Return the orders with an open capture or payment run, one that needs attention among them."""
    taking = RunRow.workflow.in_(("capture_payment", "pay_order"))
    return set(session.scalars(select(RunRow.subject_id).where(taking, RunRow.state.not_in(ENDED))))


def _written_off(session: Session) -> set[str]:
    """Return the orders whose capture was skipped, which only an admin may do."""
    skipped = (JournalRow.run_id == RunRow.id) & (JournalRow.state == Mark.SKIPPED)
    capture = JournalRow.name == "capture_payment"
    return set(session.scalars(select(RunRow.subject_id).join(JournalRow, skipped).where(capture)))


def _parcels(session: Session, statuses: tuple[parcels.Status, ...]) -> Sums:
    row, line = FulfilmentRow, FulfilmentLineRow
    sums = select(row.order_id, line.sku, func.sum(line.quantity)).join(line).where(row.status.in_(statuses))
    return _sums(session, sums.group_by(row.order_id, line.sku))


def _returned(session: Session) -> Sums:
    row, line = ReturnRow, ReturnLineRow
    sums = select(row.order_id, line.sku, func.sum(line.received)).join(line)
    return _sums(session, sums.where(row.status != returns.Status.REQUESTED).group_by(row.order_id, line.sku))


def _moved(session: Session, kind: Kind, sign: int) -> Sums:
    row = MovementRow
    sums = select(row.order_id, row.sku, sign * func.sum(row.quantity)).where(row.kind == kind)
    return _sums(session, sums.group_by(row.order_id, row.sku))


def _sums(session: Session, query: Any) -> Sums:
    return Counter({(order, sku): int(n) for order, sku, n in session.execute(query)})


def _beyond(part: Sums, whole: Sums, did: str, bound: str) -> Iterator[str]:
    for (order, sku), n in part.items():
        if n > whole[order, sku]:
            yield f"order {order}: {n} of {sku} {did}, {whole[order, sku]} {bound}"
