"""Wallets: the store credit of customers. Entries are only ever added; a balance is never below zero."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import for_update, upsert
from shop.accounts import users
from shop.kernel.batches import Page, Place, behind, page


class WalletRow(Base):
    """A customer's wallet in one currency. `balance`: the sum of its entries, in minor units."""

    __tablename__ = "wallets"
    __table_args__ = (CheckConstraint("balance >= 0", name="balance_not_negative"),)

    customer_id: Mapped[Id] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger, default=0)


class WalletEntryRow(Base):
    """One movement of store credit, in minor units. Never changed, never deleted; its key is unique."""

    __tablename__ = "wallet_entries"
    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    customer_id: Mapped[Id] = mapped_column(index=True)
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(20))  # grant | payment | refund | forfeit
    key: Mapped[str] = mapped_column(String(255), unique=True)
    payment_id: Mapped[Id | None] = mapped_column(ForeignKey("payments.id"), index=True)
    note: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[Id | None]
    at: Mapped[At] = mapped_column(default=transaction_time())


def move(
    session: Session,
    customer_id: str,
    amount: int,
    currency: str,
    *,
    kind: str,
    key: str,
    payment_id: str | None = None,
    note: str = "",
    by: str | None = None,
) -> bool:
    """Add `amount` (minor units; negative: take out) to the wallet, which is locked. Safe to repeat under one `key`.

    Returns False, and moves nothing, when the balance is too small, or when the account is deleted: credit added to it
    could not be spent.
    """
    owner_is_there = amount < 0 or users.hold(session, customer_id)
    wallet = _wallet(session, customer_id, currency)
    if session.scalars(select(WalletEntryRow.id).where(WalletEntryRow.key == key)).first():
        return True
    if wallet.balance + amount < 0 or not owner_is_there:
        return False
    about = {"kind": kind, "key": key, "payment_id": payment_id, "note": note, "by": by}
    session.add(WalletEntryRow(id=new_id(), customer_id=customer_id, amount=amount, currency=currency, **about))
    mine = (WalletRow.customer_id == customer_id, WalletRow.currency == currency)
    session.execute(update(WalletRow).where(*mine).values(balance=WalletRow.balance + amount))
    session.flush()
    return True


def forfeit(session: Session, customer_id: str) -> None:
    """Empty the wallets of a customer whose account is deleted, with an entry in each."""
    for currency in [row.currency for row in balances(session, customer_id)]:
        left = _wallet(session, customer_id, currency).balance
        if left:
            key = f"forfeit:{customer_id}:{currency}"
            move(session, customer_id, -left, currency, kind="forfeit", key=key, note="the account was deleted")


def _wallet(session: Session, customer_id: str, currency: str) -> WalletRow:
    """Lock and return the wallet; an empty one is inserted if there is none."""
    fresh = upsert(session, WalletRow).values(customer_id=customer_id, currency=currency, balance=0)
    session.execute(fresh.on_conflict_do_nothing())
    row = WalletRow
    return session.scalars(
        for_update(select(row).where(row.customer_id == customer_id, row.currency == currency))
    ).one()


def balance(session: Session, customer_id: str, currency: str) -> int:
    row = session.get(WalletRow, (customer_id, currency))
    return row.balance if row else 0


def balances(session: Session, customer_id: str) -> Sequence[WalletRow]:
    row = WalletRow
    return session.scalars(select(row).where(row.customer_id == customer_id).order_by(row.currency)).all()


def entries(session: Session, customer_id: str, *, limit: int, before: str | None = None) -> Sequence[WalletEntryRow]:
    """List wallet entries, newest first, from below the id `before`."""
    row = WalletEntryRow
    query = select(row).where(row.customer_id == customer_id).order_by(row.id.desc()).limit(limit)
    return session.scalars(query.where(row.id < before) if before else query).all()


def export_for(session: Session, customer_id: str, after: Place | None) -> Page:
    """Return a page of the customer's wallet entries for the export, oldest first."""
    row, names = WalletEntryRow, ("currency", "amount", "kind", "note", "at")
    rows = session.scalars(behind(select(row).where(row.customer_id == customer_id), (row.at, row.id), after)).all()
    last = (rows[-1].at, rows[-1].id) if rows else None
    return page([{name: getattr(one, name) for name in names} for one in rows], last)
