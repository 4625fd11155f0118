"""The tables `payments` and `payment_transactions`, and their writes. The ledger of transactions only grows."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, ForeignKey, Index, String, false, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import statement_time, transaction_time
from db.schema import At, Base, Document, Id, new_id
from db.statements import for_update, table_of
from shop.payments import webhook_payloads as payment_payloads
from shop.payments.webhook_payloads import Moved


class Status(StrEnum):
    """The state of a payment. `charging`: the provider was asked for the charge, or may have been."""

    CREATED = "created"
    CHARGING = "charging"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"  # the money is to come by another way: a transfer, or in cash at the door
    AUTHORISED = "authorised"
    CAPTURING = "capturing"  # staff or a parcel asked for what was authorised, or staff say that it has come
    VOIDING = "voiding"
    CAPTURED = "captured"
    REFUSED = "refused"
    REFUNDED = "refunded"
    VOIDED = "voided"


class PaymentRow(Base):
    """One payment of an order; all amounts in minor units of `currency`.

    token: what the provider gave the customer for their card; cleared once it has served.
    delayed: authorised first, captured later. in_parts: captured parcel by parcel, as its provider can.
    settled: what was given back otherwise than by the provider.
    spare: not the payment in use: another try that has not taken its place, or the one that was replaced.
    """

    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("refunded >= 0 AND refunded <= captured", name="refunded_within_captured"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20), default=Status.CREATED)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    authorised: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    captured: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    settled: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    delayed: Mapped[bool] = mapped_column(default=False, server_default=false())
    in_parts: Mapped[bool] = mapped_column(default=False, server_default=false())
    spare: Mapped[bool] = mapped_column(default=False, server_default=false())
    token: Mapped[str | None] = mapped_column(String(255))
    charge_key: Mapped[str | None] = mapped_column(String(255))
    provider_id: Mapped[str | None] = mapped_column(String(255), index=True)
    next_action: Mapped[Document | None]
    error_code: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


KINDS = ("authorise", "capture", "void", "refund", "settle")
"""The kinds of transactions. `settle`: money that was given back by hand, or as store credit."""


class TransactionRow(Base):
    """One movement of a payment's money, in minor units. Never changed, never deleted; unique by kind and key."""

    __tablename__ = "payment_transactions"
    __table_args__ = (
        Index("uq_payment_transactions_kind_key", "kind", "key", unique=True),
        Index("ix_payment_transactions_provider_id", "provider_id"),
        Index("ix_payment_transactions_at", "at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # one of KINDS
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    provider_id: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    at: Mapped[At] = mapped_column(default=transaction_time())


def new(
    order_id: str,
    *,
    method: str,
    provider: str,
    amount: int,
    currency: str,
    token: str | None,
    delayed: bool = False,
    spare: bool = False,
) -> dict[str, Any]:
    """Return the values of a fresh payment, for `write`; `amount` in minor units."""
    return {
        "id": new_id(),
        "order_id": order_id,
        "method": method,
        "provider": provider,
        "amount": amount,
        "currency": currency,
        "token": token,
        "delayed": delayed,
        "spare": spare,
    }


def write(session: Session, fresh: Sequence[dict[str, Any]]) -> None:
    _NEW(session, fresh)


_NEW = inserting(
    table_of(PaymentRow),
    *("id", "order_id", "method", "provider", "amount", "currency", "token", "delayed", "spare"),
    created_at=transaction_time(),
    updated_at=transaction_time(),
)


def close(session: Session, orders: Sequence[str]) -> None:
    """Void the payments of closed orders that were never asked for or never came, and end the offer to pay again."""
    theirs, row = PaymentRow.order_id.in_(orders), PaymentRow
    open_ = row.status.in_((Status.CREATED, Status.PENDING))
    _change(session, theirs & open_, status=Status.VOIDED, token=None)
    _change(session, theirs & row.spare.is_(False) & (row.status == Status.REFUSED), next_action=None)


def change(session: Session, id: str, **values: Any) -> None:
    _change(session, PaymentRow.id == id, **values)


def _change(session: Session, which: ColumnElement[bool], **values: Any) -> None:
    changing = update(PaymentRow).where(which).values(updated_at=statement_time(), **values)
    session.execute(changing.execution_options(synchronize_session=False))


def lock_all(session: Session, ids: Sequence[str]) -> dict[str, PaymentRow]:
    """Lock these payments and return them by id, read anew; unknown ids are left out."""
    rows = select(PaymentRow).where(PaymentRow.id.in_(ids)).order_by(PaymentRow.order_id, PaymentRow.id)
    return {row.id: row for row in session.scalars(for_update(rows))}


def record_transaction(session: Session, row: PaymentRow, kind: str, amount: int, provider_id: str, key: str) -> None:
    """Append a `payment_transactions` row and publish the matching `payment.*` event, if there is one."""
    told = {"amount": amount, "currency": row.currency, "provider_id": provider_id, "key": key}
    session.add(TransactionRow(id=new_id(), payment_id=row.id, kind=kind, **told))
    session.flush()
    payment_payloads.tell(session, kind, [Moved(row.id, row.order_id, amount, row.currency)])
