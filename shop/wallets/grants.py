"""Store credit granted by staff: at once up to a ceiling, above it once a second staff member has approved."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, String, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import settings
from db.functions import in_seconds, statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import for_update
from shop.accounts import users
from shop.kernel.errors import IllegalMove, NotFound
from shop.orders import conflict_of_interest
from shop.wallets import wallets
from shop.wallets.wallets import WalletEntryRow

A_DAY = 86_400.0
_PENDING = text("status = 'pending'")


class Status(StrEnum):
    """The state of a grant above the ceiling."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


class WalletGrantRow(Base):
    """A grant above the ceiling, which waits for a second staff member or is decided; `amount` in minor units."""

    __tablename__ = "wallet_grants"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("status <> 'approved' OR decided_by <> asked_by", name="two_people"),
        Index("ix_wallet_grants_pending", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id]
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING)
    asked_by: Mapped[Id]
    asked_at: Mapped[At] = mapped_column(default=transaction_time())
    decided_by: Mapped[Id | None]
    decided_at: Mapped[At | None]
    note: Mapped[str] = mapped_column(String(500), default="")


def grant(
    session: Session, customer_id: str, amount: int, currency: str, *, reason: str, by: str
) -> WalletEntryRow | WalletGrantRow:
    """Grant store credit, in minor units. Returns the wallet entry, or above the ceiling the grant that waits.

    The ceiling counts all that the same staff member granted on their own in this currency within a day.
    Raises NotFound, OwnBusiness.
    """
    customer = users.get(session, customer_id)
    conflict_of_interest.check(session, by, customer.id, customer.email)
    users.hold(session, by)  # grants of one staff member take turns, so that the sum is true
    if _given(session, by, currency) + amount <= settings().credit_ceiling:
        return _give(session, customer.id, amount, currency, key=new_id(), note=reason, by=by)
    row = WalletGrantRow(id=new_id(), customer_id=customer.id, amount=amount, currency=currency)
    row.reason, row.asked_by = reason, by
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def decide(session: Session, id: str, *, approve: bool, by: str, note: str) -> WalletGrantRow:
    """Lock a grant and approve or refuse it. Its asker may refuse it, not approve it.

    Raises NotFound, OwnBusiness, or IllegalMove when it is decided already.
    """
    row = session.scalars(for_update(select(WalletGrantRow).where(WalletGrantRow.id == id))).first()
    if row is None:
        raise NotFound("There is no such grant.")
    if row.status != Status.PENDING:
        raise IllegalMove(f"The grant is {row.status}.")
    if approve or by != row.asked_by:
        _check_second(session, row, by)
    if approve:
        customer = users.get(session, row.customer_id).id
        _give(session, customer, row.amount, row.currency, key=key_of(row.id), note=row.reason, by=row.asked_by)
    row.status = Status.APPROVED if approve else Status.REFUSED
    row.decided_by, row.decided_at, row.note = by, statement_time(), note
    session.flush()
    session.refresh(row)
    return row


def listed(
    session: Session, *, limit: int, before: str | None = None, status: str | None = None
) -> Sequence[WalletGrantRow]:
    """List grants, newest first, from below the id `before`."""
    query = select(WalletGrantRow).order_by(WalletGrantRow.id.desc()).limit(limit)
    if before:
        query = query.where(WalletGrantRow.id < before)
    return session.scalars(query.where(WalletGrantRow.status == status) if status else query).all()


def key_of(id: str) -> str:
    """Return the key of the wallet entry that an approved grant makes."""
    return f"grant:{id}"


def _check_second(session: Session, row: WalletGrantRow, by: str) -> None:
    """Raise OwnBusiness if `by` asked for the grant or is to get it, under whatever account."""
    conflict_of_interest.check_account(session, by, row.asked_by)
    conflict_of_interest.check_account(session, by, row.customer_id)


def _given(session: Session, by: str, currency: str) -> int:
    """Return what `by` granted without a second person within a day, in minor units."""
    row = WalletEntryRow
    theirs = (row.kind == "grant") & (row.by == by) & (row.currency == currency) & row.key.not_like("grant:%")
    query = select(func.coalesce(func.sum(row.amount), 0)).where(theirs, row.at > in_seconds(-A_DAY))
    return int(session.scalar(query) or 0)


def _give(
    session: Session, customer_id: str, amount: int, currency: str, *, key: str, note: str, by: str
) -> WalletEntryRow:
    wallets.move(session, customer_id, amount, currency, kind="grant", key=key, note=note, by=by)
    return session.scalars(select(WalletEntryRow).where(WalletEntryRow.key == key)).one()
