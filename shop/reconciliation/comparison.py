"""Compare the provider's ledger with ours: a few statements over all lines of one reconciliation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from db.functions import read_clock, transaction_time
from db.statements import for_update
from shop.orders.orders import OrderRow
from shop.payments.payments import PaymentRow, TransactionRow
from shop.reconciliation import carry_over
from shop.reconciliation.reports import LineRow, ReconciliationRow, Verdict, counts

GRACE = timedelta(minutes=15)  # younger than that is under way: the other ledger may hear of it in a moment
KINDS = ("capture", "refund")  # of ours, those that move money
BATCH = 1000
_NAMES_AN_ORDER = LineRow.reference.like("________-____-____-____-____________")


def compare(session: Session, id: str, moving: Select[str]) -> dict[str, int]:
    """Lock the reconciliation, compare it once and return the count of each verdict. Safe to repeat.

    moving: selects the ids of the orders with a run under way, whose differences do not count yet.
    """
    row = session.scalars(for_update(select(ReconciliationRow).where(ReconciliationRow.id == id))).one()
    if row.finished_at is None:
        young = read_clock(session) - GRACE
        _look_up_ours(session, row.provider, LineRow.reconciliation_id == row.id)
        _look_up_orders(session, LineRow.reconciliation_id == row.id)
        _add_ours_that_they_miss(session, row)
        _judge(session, row, _verdict(young, moving))
        _look_again(session, row, _verdict(young, moving))
        _count(session, row)
    return {str(verdict): getattr(row, verdict) for verdict in Verdict}


def _look_again(session: Session, row: ReconciliationRow, verdict: ColumnElement[Any]) -> None:
    """Compare again what was under way in earlier reports."""
    reports = carry_over.earlier(session, row)
    if reports:
        carry_over.take_up(session, row, [report.id for report in reports])
        _look_up_ours(session, row.provider, LineRow.closed_in == row.id)
        _look_up_orders(session, LineRow.closed_in == row.id)
        carry_over.judge(session, row, verdict)
        carry_over.count(session, row, reports)


def _look_up_ours(session: Session, provider: str, these: ColumnElement[bool]) -> None:
    line, ours, payment = LineRow, TransactionRow, PaymentRow
    same = (ours.kind == line.kind, ours.provider_id == line.provider_id, payment.provider == provider)
    said = {"our_amount": ours.amount, "our_currency": ours.currency, "our_at": ours.at, "order_id": payment.order_id}
    _do(session, update(line).where(these, payment.id == ours.payment_id, *same).values(said))


def _look_up_orders(session: Session, these: ColumnElement[bool]) -> None:
    """Fill in the order of lines that only the provider has, where the reference names an order we have."""
    line, order = LineRow, OrderRow
    alone = (these, line.our_at.is_(None), line.order_id.is_(None), _NAMES_AN_ORDER)
    named = session.scalars(select(line.reference).where(*alone).distinct()).all()
    for start in range(0, len(named), BATCH):
        batch = named[start : start + BATCH]
        found = select(cast(order.id, String)).where(order.id.in_(batch))
        known = update(line).where(*alone, line.reference.in_(found))
        _do(session, known.values(order_id=cast(line.reference, line.order_id.type)))


def _add_ours_that_they_miss(session: Session, row: ReconciliationRow) -> None:
    line, ours, payment = LineRow, TransactionRow, PaymentRow
    theirs = exists().where(
        line.reconciliation_id == row.id, line.kind == ours.kind, line.provider_id == ours.provider_id
    )
    ids = (cast(literal(row.id), line.reconciliation_id.type), ours.kind, ours.provider_id, literal(""))
    missed = (
        select(*ids, payment.order_id, ours.amount, ours.currency, ours.at)
        .join(payment, payment.id == ours.payment_id)
        .where(payment.provider == row.provider, ours.kind.in_(KINDS), ours.at >= row.since, ours.at < row.until)
        .where(~theirs)
        .distinct()
    )
    known = ["reconciliation_id", "kind", "provider_id", "reference", "order_id"]
    _do(session, insert(line).from_select([*known, "our_amount", "our_currency", "our_at"], missed))


def _judge(session: Session, row: ReconciliationRow, verdict: ColumnElement[Any]) -> None:
    line = LineRow
    outside = _outside(line.their_at, row) & _outside(line.our_at, row)
    judged = case((outside, None), else_=verdict)
    _do(session, update(line).where(line.reconciliation_id == row.id).values(verdict=judged))


def _verdict(young: Any, moving: Select[str]) -> ColumnElement[Any]:
    line = LineRow
    both = and_(line.their_at.is_not(None), line.our_at.is_not(None))
    same = and_(line.their_amount == line.our_amount, line.their_currency == line.our_currency)
    return case(
        (both & same, Verdict.MATCHED),
        (both, Verdict.DIFFERENT),
        # An order is written down before the provider hears of it: one that we do not have was never young.
        (line.our_at.is_(None) & line.order_id.is_(None) & _NAMES_AN_ORDER, Verdict.UNKNOWN_HERE),
        (_is_young(young) | _is_moving(moving), Verdict.UNDER_WAY),
        (line.our_at.is_(None), Verdict.MISSING_HERE),
        else_=Verdict.MISSING_THERE,
    )


def _outside(at: Any, row: ReconciliationRow) -> ColumnElement[bool]:
    return or_(at.is_(None), at < row.since, at >= row.until)


def _is_young(young: Any) -> ColumnElement[bool]:
    return or_(LineRow.their_at >= young, LineRow.our_at >= young)


def _is_moving(moving: Select[str]) -> ColumnElement[bool]:
    """Return whether the order that either side names is among `moving`."""
    named = case((LineRow.order_id.is_not(None), cast(LineRow.order_id, String)), else_=LineRow.reference)
    return named.in_(moving)


def _count(session: Session, row: ReconciliationRow) -> None:
    """Store the counts, finish the reconciliation and delete lines that matched or lie outside its window."""
    for verdict, number in counts(session, row.id).items():
        setattr(row, verdict, number)
    row.finished_at, row.looked_until = transaction_time(), row.until
    settled = or_(LineRow.verdict.is_(None), LineRow.verdict == Verdict.MATCHED)
    _do(session, delete(LineRow).where(LineRow.reconciliation_id == row.id, settled))
    session.flush()


def _do(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
