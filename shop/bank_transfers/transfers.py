"""Incoming bank transfers: each is stored once, and open until it has paid for an order or staff have settled it."""

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

AGAIN = timedelta(days=1)  # how far each look overlaps the last: a bank may book late, under an earlier time
AHEAD = timedelta(minutes=10)  # our clock and the provider's may differ
_OPEN = text("closed_at IS NULL")


class Problem(StrEnum):
    """Why a transfer was not matched by its reference."""

    UNDER_WAY = "under_way"  # its order or payment is changing just now: matched again later
    UNKNOWN_REFERENCE = "unknown_reference"  # it names no order, or several
    TOO_LITTLE = "too_little"
    TOO_MUCH = "too_much"
    OTHER_CURRENCY = "other_currency"
    TOO_LATE = "too_late"  # the order is given up
    ALREADY_PAID = "already_paid"
    NOT_AWAITED = "not_awaited"  # the order is to be paid otherwise


class State(StrEnum):
    """The state of a transfer, derived from its columns."""

    OPEN = "open"  # money that we hold, matched to no payment yet
    MATCHED = "matched"
    SETTLED = "settled"  # staff said in `note` what became of it


class BankTransferRow(Base):
    """One incoming transfer; `amount` in minor units.

    transfer_id: the provider's. reference: what the sender wrote. at: when the provider booked it.
    order_id: the order that the reference names, or that it paid. payment_id: the payment it paid.
    closed_by: the staff member; None where it was matched by its reference.
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
    """How far the provider was asked for all transfers. Provider events do not move it: each tells of one transfer."""

    __tablename__ = "bank_transfer_looks"

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    looked_until: Mapped[At]


class Came(NamedTuple):
    """A transfer in the provider's records; `amount` in minor units."""

    transfer_id: str
    amount: int
    currency: str
    reference: str
    at: datetime


def window(session: Session, provider: str) -> tuple[datetime, datetime]:
    """Return from when to ask for transfers, and the database's time now. The first look begins a day ago."""
    current = read_clock(session)
    last = session.get(LookRow, provider)
    return (last.looked_until if last else current) - AGAIN, current


def looked(session: Session, provider: str, until: datetime) -> None:
    """Record that all transfers booked before `until` are stored. An earlier time than the last changes nothing."""
    written = upsert(session, LookRow).values(provider=provider, looked_until=until)
    later = {"set_": {"looked_until": until}, "where": LookRow.looked_until < until}
    session.execute(written.on_conflict_do_update(index_elements=["provider"], **later))


def write(session: Session, provider: str, came: Came) -> BankTransferRow | None:
    """Store a transfer and return it locked; None: it is stored already, and nothing is left to do."""
    values = {"id": new_id(), "provider": provider, **came._asdict(), "created_at": transaction_time()}
    values["reference"] = "".join(filter(str.isprintable, came.reference))[:255]
    fresh = upsert(session, BankTransferRow).values(values).on_conflict_do_nothing().returning(BankTransferRow.id)
    id = session.scalar(fresh)
    return hold(session, id) if id else None


def hold(session: Session, id: str) -> BankTransferRow:
    """Lock and return the transfer, or raise NotFound."""
    row = session.scalars(for_update(select(BankTransferRow).where(BankTransferRow.id == id))).first()
    if row is None:
        raise NotFound("There is no such transfer.")
    return row


def hold_open(session: Session, id: str) -> BankTransferRow:
    """Lock and return the transfer; raises NotFound, or IllegalMove when it is matched or settled."""
    row = hold(session, id)
    if row.closed_at:
        raise IllegalMove(f"The transfer is {row.state}.")
    return row


def settle(session: Session, id: str, *, by: str, note: str) -> BankTransferRow:
    """Close an open transfer with what staff say became of the money. Raises NotFound, IllegalMove."""
    row = hold_open(session, id)
    row.closed_at, row.closed_by, row.note = transaction_time(), by, note
    session.flush()
    session.refresh(row)
    return row


def listed(
    session: Session, *, limit: int, state: State | None, problem: Problem | None, before: str | None
) -> list[BankTransferRow]:
    """List transfers, newest first, from below the id `before`."""
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
    """Return the ids of up to `batch` open transfers whose order was changing when they were last matched."""
    row = BankTransferRow
    waiting = (row.closed_at.is_(None), row.problem == Problem.UNDER_WAY)
    return session.scalars(select(row.id).where(*waiting).order_by(row.id).limit(batch)).all()
