"""Suppressions: addresses that get no marketing, whichever account has them.

Only a hash is kept: it outlives the account.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import in_list, statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import execute_core, table_of
from shop.kernel.errors import NotFound


class Reason(StrEnum):
    BOUNCE = "bounce"  # the mail server knows no such mailbox
    COMPLAINT = "complaint"  # the recipient reported a mail as spam
    UNSUBSCRIBE = "unsubscribe"  # the recipient unsubscribed from all marketing
    STAFF = "staff"


class SuppressionRow(Base):
    """One address suppressed for one reason. It is free again when the rows of all its reasons are gone."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("address_hash", "reason"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(500), default="")
    at: Mapped[At] = mapped_column(default=transaction_time())


def add(session: Session, hashes: list[str], reason: Reason, detail: str = "") -> None:
    """Suppress addresses for a reason. An address that is suppressed for it already keeps its row and detail."""
    rows = [{"id": new_id(), "address_hash": one, "reason": reason, "detail": detail} for one in sorted(set(hashes))]
    if rows:
        _ADD(session, rows)


def among_them(session: Session, hashes: list[str], reason: Reason) -> set[str]:
    """Filter the hashes that are suppressed for this reason."""
    row = table_of(SuppressionRow).c
    query = select(row.address_hash).where(in_list(row.address_hash, "hashes"), row.reason == reason)
    return set(execute_core(session, query, {"hashes": hashes}).scalars())


def lift(session: Session, address_hash: str, reason: Reason) -> None:
    """Remove the suppression of an address for one reason. Safe where there is none."""
    row = SuppressionRow
    session.execute(delete(row).where(row.address_hash == address_hash, row.reason == reason))


def remove(session: Session, id: str) -> None:
    """Delete one suppression. Raises NotFound."""
    row = session.get(SuppressionRow, id)
    if row is None:
        raise NotFound("There is no such suppression.")
    session.delete(row)


def of(session: Session, address_hash: str) -> list[SuppressionRow]:
    """List the suppressions of one address, oldest first."""
    row = SuppressionRow
    return list(session.scalars(select(row).where(row.address_hash == address_hash).order_by(row.id)))


def newest(
    session: Session, *, limit: int, before: str | None = None, address_hash: str | None = None
) -> list[SuppressionRow]:
    """List suppressions, newest first, beginning below the id `before`."""
    row = SuppressionRow
    query = select(row).order_by(row.id.desc()).limit(limit)
    if before:
        query = query.where(row.id < before)
    if address_hash:
        query = query.where(row.address_hash == address_hash)
    return list(session.scalars(query))


_ADD = inserting(
    table_of(SuppressionRow),
    *("id", "address_hash", "reason", "detail"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["address_hash", "reason"]),
    at=statement_time(),
)
