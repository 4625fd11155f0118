"""Money that somebody sent to our account: each transfer once, open until it has paid for something or was settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import read_clock, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import for_update, upsert
from shop.kernel.errors import IllegalMove, NotFound

AGAIN = timedelta(days=1)  # so far each look goes back behind the last: a bank may book late, under an earlier time
AHEAD = timedelta(minutes=10)  # two clocks
_OPEN = text("closed_at IS NULL")


class Problem(StrEnum):
    """Why a transfer has paid for nothing by itself."""

    UNDER_WAY = "under_way"  # its order is on the move just now: looked at again
    UNKNOWN_REFERENCE = "unknown_reference"  # it names no order, or several
    TOO_LITTLE = "too_little"
    TOO_MUCH = "too_much"
    OTHER_CURRENCY = "other_currency"
    TOO_LATE = "too_late"  # the order is given up
    ALREADY_PAID = "already_paid"
    NOT_AWAITED = "not_awaited"  # the order is to be paid otherwise


class State(StrEnum):
    OPEN = "open"  # money that we hold, and nobody has said for what
    MATCHED = "matched"
    SETTLED = "settled"  # staff said in `note` what became of it


class BankTransferRow(Base):
    """`transfer_id` is the provider's, `reference` what its sender wrote, `at` when the provider booked it.

    `order_id`: the order that the reference names, or that was paid by it. `payment_id`: what it has paid.
    `closed_by` is empty where it was matched by itself.
    """

    __tablename__ = "bank_transfers"
    __table_args__ = (
        UniqueConstraint("provider", "transfer_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_bank_transfers_open", "id", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    transfer_id: Mapped[str] = mapped_column(String(255))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reference: Mapped[str] = mapped_column(String(255))
    at: Mapped[At]
    problem: Mapped[str | None] = mapped_column(String(40))
    order_id: Mapped[Id | None] = mapped_column(index=True)
    payment_id: Mapped[Id | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    note: Mapped[str | None] = mapped_column(String(1000))
    closed_at: Mapped[At | None]
    closed_by: Mapped[Id | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())

    @property
    def state(self) -> State:
        if self.closed_at is None:
            return State.OPEN
        return State.MATCHED if self.payment_id else State.SETTLED


class LookRow(Base):
    """Up to when the provider was asked for all that came. A webhook moves nothing here: it tells of one."""

    __tablename__ = "bank_transfer_looks"

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    looked_until: Mapped[At]


class Came(NamedTuple):
    """A transfer as the provider tells it."""

    transfer_id: str
    amount: int
    currency: str
    reference: str
    at: datetime


def window(session: Session, provider: str) -> tuple[datetime, datetime]:
    """Of what to ask for next, and the time it is now. Who has never asked begins with the last day."""
    current = read_clock(session)
    last = session.get(LookRow, provider)
    return (last.looked_until if last else current) - AGAIN, current


def looked(session: Session, provider: str, until: datetime) -> None:
    """All that was booked before is here."""
    written = upsert(session, LookRow).values(provider=provider, looked_until=until)
    later = {"set_": {"looked_until": until}, "where": LookRow.looked_until < until}
    session.execute(written.on_conflict_do_update(index_elements=["provider"], **later))


def write(session: Session, provider: str, came: Came) -> BankTransferRow | None:
    """None: it was here before, and has done its work."""
    values = {"id": new_id(), "provider": provider, **came._asdict(), "created_at": transaction_time()}
    values["reference"] = "".join(filter(str.isprintable, came.reference))[:255]
    fresh = upsert(session, BankTransferRow).values(values).on_conflict_do_nothing().returning(BankTransferRow.id)
    id = session.scalar(fresh)
    return hold(session, id) if id else None


def hold(session: Session, id: str) -> BankTransferRow:
    """Locked: one at a time says what it was for."""
    row = session.scalars(for_update(select(BankTransferRow).where(BankTransferRow.id == id))).first()
    if row is None:
        raise NotFound("There is no such transfer.")
    return row


def hold_open(session: Session, id: str) -> BankTransferRow:
    row = hold(session, id)
    if row.closed_at:
        raise IllegalMove(f"The transfer is {row.state}.")
    return row


def settle(session: Session, id: str, *, by: str, note: str) -> BankTransferRow:
    """Somebody has looked into it, and says what became of the money."""
    row = hold_open(session, id)
    row.closed_at, row.closed_by, row.note = transaction_time(), by, note
    session.flush()
    session.refresh(row)
    return row


def listed(
    session: Session, *, limit: int, state: State | None, problem: Problem | None, before: str | None
) -> list[BankTransferRow]:
    """Newest first, from below the id `before`."""
    row = BankTransferRow
    query = select(row).order_by(row.id.desc()).limit(limit)
    if state:
        query = query.where(*_IN[state])
    if problem:
        query = query.where(row.problem == problem)
    return list(session.scalars(query.where(row.id < before) if before else query))


_IN = {
    State.OPEN: (BankTransferRow.closed_at.is_(None),),
    State.MATCHED: (BankTransferRow.payment_id.is_not(None),),
    State.SETTLED: (BankTransferRow.closed_at.is_not(None), BankTransferRow.payment_id.is_(None)),
}


def under_way(session: Session, batch: int = 200) -> Sequence[str]:
    """Those whose order may have come to rest since."""
    row = BankTransferRow
    waiting = (row.closed_at.is_(None), row.problem == Problem.UNDER_WAY)
    return session.scalars(select(row.id).where(*waiting).order_by(row.id).limit(batch)).all()
