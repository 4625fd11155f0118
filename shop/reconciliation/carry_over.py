"""What was under way in earlier reconciliations is looked at again by each that follows, and closed there.

The provider's side may stand in a ledger that was fetched later, so a report is looked at again only by one whose
window goes on where the last look ended: what is between two looks that do not touch nobody has seen.
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
"""By reconciliation, how many of each verdict what was under way there has come to."""


def earlier(session: Session, row: ReconciliationRow) -> list[ReconciliationRow]:
    """The reports that `row` looks at again, locked."""
    one = ReconciliationRow
    touching = (one.looked_until >= row.since - EARLIER, one.looked_until <= row.until)
    mine = (one.provider == row.provider, one.finished_at.is_not(None), one.under_way > 0, one.id != row.id)
    return list(session.scalars(for_update(select(one).where(*mine, *touching).order_by(one.id))))


def take_up(session: Session, row: ReconciliationRow, ids: Sequence[str]) -> None:
    """Their lines under way are now in the hands of `row`, whose own lines say what the provider says today."""
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
    """What is still under way is left to the next."""
    line = LineRow
    _do(session, update(line).where(line.closed_in == row.id).values(verdict=verdict))
    open = (line.closed_in == row.id, line.verdict == Verdict.UNDER_WAY)
    _do(session, update(line).where(*open).values(closed_in=null()))


def closed(session: Session, id: str) -> Closed:
    line, found = LineRow, defaultdict[str, dict[str, int]](dict)
    sums = select(line.reconciliation_id, line.verdict, func.count()).where(line.closed_in == id)
    for report, verdict, number in session.execute(sums.group_by(line.reconciliation_id, line.verdict)):
        found[report][str(verdict)] = int(number)
    return dict(found)


def count(session: Session, row: ReconciliationRow, reports: Sequence[ReconciliationRow]) -> None:
    """Their counts follow. A difference opens a report again that somebody had settled."""
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
