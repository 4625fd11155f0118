"""Reconciliations: the payment provider's own ledger beside ours, line by line.

The provider's pages are stored as they come, so that a crash costs one page. Once all are there they are compared.
Lines that agree are counted and deleted; differences are kept and reported. No money is moved here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import read_clock, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import for_update, upsert
from shop.kernel.errors import IllegalMove, NotFound

EARLIER = timedelta(days=1)  # what we write down late has moved there before: an undo is tried for about a day
LATER = timedelta(minutes=10)  # two clocks


class Verdict(StrEnum):
    """What the comparison found of a line."""

    MATCHED = "matched"
    MISSING_HERE = "missing_here"  # the provider moved money that our ledger knows nothing of
    UNKNOWN_HERE = "unknown_here"  # the provider moved it for an order that we do not have: a backup was restored
    MISSING_THERE = "missing_there"  # our ledger says that money moved, the provider's does not
    DIFFERENT = "different"  # another amount, or another currency
    UNDER_WAY = "under_way"  # too new, or of an order with a run under way: not a difference


DIFFERENCES = (Verdict.MISSING_HERE, Verdict.UNKNOWN_HERE, Verdict.MISSING_THERE, Verdict.DIFFERENT)


class ReconciliationRow(Base):
    """One reconciliation, of the time from `since` to before `until`.

    cursor: where the provider's next page begins; meaningless once `fetched_at` is set.
    settled_at: when staff had looked into the differences and said, in `note`, what became of them.
    looked_until: how far the provider's ledger was searched for lines under way; at first up to `until`.
    """

    __tablename__ = "reconciliations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    provider: Mapped[str] = mapped_column(String(20))
    since: Mapped[At]
    until: Mapped[At]
    cursor: Mapped[str | None] = mapped_column(String(255))
    pages: Mapped[int] = mapped_column(default=0)
    fetched_at: Mapped[At | None]
    matched: Mapped[int] = mapped_column(default=0)
    missing_here: Mapped[int] = mapped_column(default=0)
    unknown_here: Mapped[int] = mapped_column(default=0, server_default="0")
    missing_there: Mapped[int] = mapped_column(default=0)
    different: Mapped[int] = mapped_column(default=0)
    under_way: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[At | None]
    looked_until: Mapped[At | None]
    settled_at: Mapped[At | None]
    settled_by: Mapped[Id | None]
    note: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[At] = mapped_column(default=transaction_time())

    @property
    def differences(self) -> int:
        return self.missing_here + self.unknown_here + self.missing_there + self.different


class LineRow(Base):
    """One movement of money, in minor units, as the provider and we have it. Lines that match at once are deleted.

    closed_in: the later reconciliation that closed a line which was under way.
    """

    __tablename__ = "reconciliation_lines"
    __table_args__ = (Index("ix_reconciliation_lines_verdict", "reconciliation_id", "verdict"),)

    reconciliation_id: Mapped[Id] = mapped_column(
        ForeignKey("reconciliations.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    verdict: Mapped[str | None] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(255), default="")
    order_id: Mapped[Id | None]
    their_amount: Mapped[int | None] = mapped_column(BigInteger)
    their_currency: Mapped[str | None] = mapped_column(String(3))
    their_at: Mapped[At | None]
    our_amount: Mapped[int | None] = mapped_column(BigInteger)
    our_currency: Mapped[str | None] = mapped_column(String(3))
    our_at: Mapped[At | None]
    closed_in: Mapped[Id | None] = mapped_column(index=True)


class Moved(NamedTuple):
    """A movement of money in the provider's ledger; `amount` in minor units."""

    kind: str
    provider_id: str
    amount: int
    currency: str
    reference: str
    at: datetime


class NextPage(NamedTuple):
    """The next page to fetch from the provider; `number` counts from 0."""

    since: datetime
    until: datetime
    cursor: str | None
    number: int


def open_one(session: Session, provider: str, since: datetime, until: datetime, key: str | None = None) -> str | None:
    """Insert a reconciliation and return its id; None: there is one with this key."""
    id = new_id()
    values = {"id": id, "key": key or id, "provider": provider, "since": since, "until": until}
    usual = {"created_at": transaction_time(), "pages": 0, **dict.fromkeys([*Verdict], 0)}
    written = upsert(session, ReconciliationRow).values({**usual, **values}).on_conflict_do_nothing()
    made: str | None = session.scalar(written.returning(ReconciliationRow.id))
    return made


def open_yesterday(session: Session, provider: str) -> str | None:
    """Insert the reconciliation of yesterday (UTC, by the database's clock); None: there is one."""
    today = read_clock(session).replace(hour=0, minute=0, second=0, microsecond=0)
    day = today - timedelta(days=1)
    return open_one(session, provider, day, today, f"day:{provider}:{day:%Y-%m-%d}")


def next_page(session: Session, id: str) -> NextPage | None:
    """Return the next page to fetch; None: all pages are stored."""
    row = get(session, id)
    return None if row.fetched_at else NextPage(row.since - EARLIER, row.until + LATER, row.cursor, row.pages)


def take_page(session: Session, id: str, number: int, moved: Iterable[Moved], cursor: str | None) -> None:
    """Store page `number` and where the next one begins (None: it was the last). Safe to repeat."""
    row = session.scalars(for_update(select(ReconciliationRow).where(ReconciliationRow.id == id))).one()
    if row.pages != number or row.fetched_at:
        return
    lines = [_line(id, one) for one in moved]
    if lines:
        session.execute(upsert(session, LineRow).on_conflict_do_nothing(), lines)
    row.pages, row.cursor = number + 1, cursor
    row.fetched_at = None if cursor else transaction_time()
    session.flush()


def _line(id: str, moved: Moved) -> dict[str, Any]:
    known_by = {"reconciliation_id": id, "kind": moved.kind, "provider_id": moved.provider_id}
    said = {"their_amount": moved.amount, "their_currency": moved.currency, "their_at": moved.at}
    return {**known_by, **said, "reference": moved.reference[:255]}


def drop_lines(session: Session, ids: Iterable[str]) -> None:
    """Delete the lines of reconciliations that will not be compared."""
    session.execute(delete(LineRow).where(LineRow.reconciliation_id.in_(list(ids))))


def get(session: Session, id: str) -> ReconciliationRow:
    """Return the reconciliation, or raise NotFound."""
    row = session.get(ReconciliationRow, id)
    if row is None:
        raise NotFound("There is no such reconciliation.")
    return row


def listed(session: Session, *, limit: int, before: str | None = None) -> list[ReconciliationRow]:
    """List reconciliations, newest first, from below the id `before`."""
    query = select(ReconciliationRow).order_by(ReconciliationRow.id.desc()).limit(limit)
    return list(session.scalars(query.where(ReconciliationRow.id < before) if before else query))


def lines(session: Session, id: str, most: int) -> list[LineRow]:
    """List up to `most` lines: differences first, then lines under way, then those that were and matched later."""
    last = (LineRow.verdict == Verdict.MATCHED, LineRow.verdict == Verdict.UNDER_WAY, LineRow.provider_id, LineRow.kind)
    return list(session.scalars(select(LineRow).where(LineRow.reconciliation_id == id).order_by(*last).limit(most)))


def count_lines(session: Session, id: str) -> int:
    return session.scalar(select(func.count()).where(LineRow.reconciliation_id == id)) or 0


def settle(session: Session, id: str, *, by: str, note: str) -> ReconciliationRow:
    """Record that staff have looked into the differences; the lines stay as they are.

    Raises NotFound; IllegalMove when there are no differences, or they are settled already.
    """
    row = session.scalars(for_update(select(ReconciliationRow).where(ReconciliationRow.id == id))).first()
    if row is None:
        raise NotFound("There is no such reconciliation.")
    if row.finished_at is None or not row.differences or row.settled_at:
        raise IllegalMove("There are no differences that somebody could settle, or somebody has.")
    row.settled_at, row.settled_by, row.note = transaction_time(), by, note
    session.flush()
    session.refresh(row)
    return row


def unsettled(session: Session) -> list[ReconciliationRow]:
    """List the reconciliations with differences that are not settled, oldest first."""
    row = ReconciliationRow
    differing = row.missing_here + row.unknown_here + row.missing_there + row.different > 0
    return list(session.scalars(select(row).where(differing, row.settled_at.is_(None)).order_by(row.id)))


def orders_looked_into(session: Session) -> set[str]:
    """Return the references of orders unknown here whose reconciliation is settled."""
    line, row = LineRow, ReconciliationRow
    settled = select(line.reference).join(row, row.id == line.reconciliation_id).where(row.settled_at.is_not(None))
    return set(session.scalars(settled.where(line.verdict == Verdict.UNKNOWN_HERE)))


def counts(session: Session, id: str) -> dict[str, int]:
    """Count the stored lines of each verdict; matched ones are deleted when the reconciliation finishes."""
    line = LineRow
    rows = session.execute(
        select(line.verdict, func.count()).where(line.reconciliation_id == id).group_by(line.verdict)
    )
    return dict.fromkeys([*map(str, Verdict)], 0) | {str(verdict): int(number) for verdict, number in rows if verdict}
