"""Carry lines that were under way in earlier reconciliations over to the next, which closes them.

The provider's side may stand in a ledger that was fetched later, so a report is carried over only to one whose window
goes on where the last look ended: a gap between two windows was never searched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.orm import Session, aliased

from db.statements import for_update
from shop.reconciliation.reports import DIFFERENCES, EARLIER, LineRow, ReconciliationRow, Verdict

Closed = dict[str, dict[str, int]]
"""By reconciliation: how many of its lines under way were closed with each verdict."""


def earlier(session: Session, row: ReconciliationRow) -> list[ReconciliationRow]:
    """Lock and return the earlier reports whose lines under way `row` looks at again."""
    one = ReconciliationRow
    touching = (one.looked_until >= row.since - EARLIER, one.looked_until <= row.until)
    mine = (one.provider == row.provider, one.finished_at.is_not(None), one.under_way > 0, one.id != row.id)
    return list(session.scalars(for_update(select(one).where(*mine, *touching).order_by(one.id))))


def take_up(session: Session, row: ReconciliationRow, ids: Sequence[str]) -> None:
    """Assign the lines under way of these reports to `row`, and fill their provider's side from the lines of `row`."""
    line, theirs = LineRow, aliased(LineRow)
    under_way = line.verdict == Verdict.UNDER_WAY
    _do(session, update(line).where(line.reconciliation_id.in_(ids), under_way).values(closed_in=row.id))
    same = (theirs.reconciliation_id == row.id, theirs.kind == line.kind, theirs.provider_id == line.provider_id)
    said = {
        "their_amount": theirs.their_amount,
        "their_currency": theirs.their_currency,
        "their_at": theirs.their_at,
        "reference": theirs.reference,
    }
    missing = (line.closed_in == row.id, line.their_at.is_(None), theirs.their_at.is_not(None))
    _do(session, update(line).where(*same, *missing).values(said))


def judge(session: Session, row: ReconciliationRow, verdict: ColumnElement[Any]) -> None:
    """Set the verdict of the lines that `row` took up; lines still under way are left to the next reconciliation."""
    line = LineRow
    _do(session, update(line).where(line.closed_in == row.id).values(verdict=verdict))
    open = (line.closed_in == row.id, line.verdict == Verdict.UNDER_WAY)
    _do(session, update(line).where(*open).values(closed_in=null()))


def closed(session: Session, id: str) -> Closed:
    """Count the lines that this reconciliation closed for earlier ones."""
    line, found = LineRow, defaultdict[str, dict[str, int]](dict)
    sums = select(line.reconciliation_id, line.verdict, func.count()).where(line.closed_in == id)
    for report, verdict, number in session.execute(sums.group_by(line.reconciliation_id, line.verdict)):
        found[report][str(verdict)] = int(number)
    return dict(found)


def count(session: Session, row: ReconciliationRow, reports: Sequence[ReconciliationRow]) -> None:
    """Update the counts of the locked `reports`. A new difference reopens a report that staff had settled."""
    found = closed(session, row.id)
    for report in reports:
        come_to = found.get(report.id, {})
        report.looked_until = row.until
        report.under_way -= sum(come_to.values())
        for verdict, number in come_to.items():
            setattr(report, verdict, getattr(report, verdict) + number)
        if any(verdict in DIFFERENCES for verdict in come_to):
            report.settled_at = None
    session.flush()


def _do(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
