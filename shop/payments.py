"""Payments: what an order owes and what the provider has done about it. The ledger of transactions only grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.errors import NotFound
from sql import At, Base, Document, Id, among, clock, new_id, now


class Status(StrEnum):
    """Where a payment stands. `charging` means that the provider has been, or may have been, asked."""

    CREATED = "created"
    CHARGING = "charging"
    REQUIRES_ACTION = "requires_action"
    CAPTURED = "captured"
    REFUSED = "refused"
    REFUNDED = "refunded"
    VOIDED = "voided"


class PaymentRow(Base):
    """`token` is what the provider gave the shopper for their card; it is forgotten once it has served."""

    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("refunded >= 0 AND refunded <= captured", name="refunded_within_captured"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20), default=Status.CREATED)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    captured: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    token: Mapped[str | None] = mapped_column(String(255))
    charge_key: Mapped[str | None] = mapped_column(String(255))
    provider_id: Mapped[str | None] = mapped_column(String(255), index=True)
    next_action: Mapped[Document | None]
    error_code: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[At] = mapped_column(default=now())
    updated_at: Mapped[At] = mapped_column(default=now())


class TransactionRow(Base):
    """One thing the provider did. Never changed, never deleted; a key is written once."""

    __tablename__ = "payment_transactions"
    __table_args__ = (Index("uq_payment_transactions_kind_key", "kind", "key", unique=True),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # capture | refund | void
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    provider_id: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    at: Mapped[At] = mapped_column(default=now())


@dataclass(frozen=True)
class Charge:
    """What is needed to ask for an order's money; `provider_id` when it has been asked for before."""

    payment_id: str
    order_id: str
    amount: int
    currency: str
    token: str = field(repr=False)
    provider_id: str | None = None


@dataclass(frozen=True)
class Reversal:
    """What is needed to give an order's money back, or to make sure that none was taken."""

    payment_id: str
    order_id: str
    status: str
    left: int
    currency: str
    charge_key: str
    provider_id: str | None


def new(order_id: str, *, method: str, provider: str, amount: int, currency: str, token: str) -> dict[str, Any]:
    """The row of a payment that nobody has asked the provider for yet."""
    return {
        "id": new_id(),
        "order_id": order_id,
        "method": method,
        "provider": provider,
        "amount": amount,
        "currency": currency,
        "token": token,
    }


def write(session: Session, values: dict[str, Any]) -> None:
    session.execute(insert(PaymentRow).values(created_at=now(), updated_at=now()), [values])


def of_order(session: Session, order_id: str) -> PaymentRow:
    """The order's payment."""
    row = session.scalars(
        select(PaymentRow).where(PaymentRow.order_id == order_id).order_by(PaymentRow.id.desc())
    ).first()
    if row is None:
        raise NotFound("There is no such payment.")
    return row


def by_provider_id(session: Session, provider: str, provider_id: str) -> PaymentRow | None:
    return session.scalars(
        select(PaymentRow).where(PaymentRow.provider == provider, PaymentRow.provider_id == provider_id)
    ).first()


_OPEN = (
    select(PaymentRow)
    .where(among(PaymentRow.order_id, "orders"))
    .order_by(PaymentRow.order_id, PaymentRow.id)
    .with_for_update(key_share=True)
)
_ASKED = (
    update(PaymentRow.__table__)  # type: ignore[arg-type]
    .where(PaymentRow.id == bindparam("payment"))
    .values(status=Status.CHARGING, charge_key=bindparam("by"), updated_at=clock())
)


def open_charges(session: Session, keys: dict[str, str]) -> dict[str, Charge]:
    """For each order (mapped to the key of its call) what to charge. Remembers that it is being asked for."""
    rows = [row for row in _locked(session, keys) if row.status in _CHARGEABLE]
    fresh = [row for row in rows if row.status == Status.CREATED]
    if fresh:
        asked = [{"payment": row.id, "by": keys[row.order_id]} for row in fresh]
        session.connection().execute(_ASKED, asked)
    return {row.order_id: _charge(row) for row in rows}


_CHARGEABLE = (Status.CREATED, Status.CHARGING, Status.REQUIRES_ACTION)


def _charge(row: PaymentRow) -> Charge:
    known = row.provider_id if row.status == Status.REQUIRES_ACTION else None
    return Charge(row.id, row.order_id, row.amount, row.currency, row.token or "", known)


def open_reversals(session: Session, orders: Sequence[str]) -> dict[str, Reversal]:
    """For each order whose money was taken, or may have been, what to give back. The others are left out."""
    rows = [row for row in _locked(session, orders) if row.charge_key and row.status in _REVERSIBLE]
    return {row.order_id: _reversal(row) for row in rows}


_REVERSIBLE = (Status.CHARGING, Status.REQUIRES_ACTION, Status.CAPTURED)


def _reversal(row: PaymentRow) -> Reversal:
    left = row.captured - row.refunded if row.status == Status.CAPTURED else row.amount
    return Reversal(row.id, row.order_id, row.status, left, row.currency, row.charge_key or "", row.provider_id)


def _locked(session: Session, orders: Any) -> Sequence[PaymentRow]:
    return session.scalars(_OPEN, {"orders": list(orders)}, execution_options={"populate_existing": True}).all()


# --- what came of it --------------------------------------------------------------------------------

_CAPTURED = (
    update(PaymentRow.__table__)  # type: ignore[arg-type]
    .where(PaymentRow.id == bindparam("payment"))
    .values(
        status=Status.CAPTURED,
        captured=PaymentRow.amount,
        provider_id=bindparam("theirs"),
        next_action=None,
        token=None,
        updated_at=clock(),
    )
)


def captured(session: Session, charges: Sequence[tuple[Charge, str, str]]) -> None:
    """These charges went through: (charge, the provider's id, key)."""
    if not charges:
        return
    rows = [{"payment": charge.payment_id, "theirs": theirs} for charge, theirs, _ in charges]
    session.connection().execute(_CAPTURED, rows)
    _write(session, "capture", [(c.payment_id, c.amount, c.currency, theirs, key) for c, theirs, key in charges])


def refused(session: Session, charge: Charge, code: str) -> None:
    _set(session, charge.payment_id, status=Status.REFUSED, error_code=code, token=None, next_action=None)


def needs_action(session: Session, charge: Charge, provider_id: str, next_action: dict[str, Any] | None) -> None:
    """The shopper must do something at their bank first."""
    _set(session, charge.payment_id, status=Status.REQUIRES_ACTION, provider_id=provider_id, next_action=next_action)


def refunded(session: Session, reversal: Reversal, charge_id: str, refund_id: str, key: str) -> None:
    """All that was left of it is given back. If the capture was never recorded here, it is now."""
    if reversal.status != Status.CAPTURED:
        _write(
            session,
            "capture",
            [(reversal.payment_id, reversal.left, reversal.currency, charge_id, reversal.charge_key)],
        )
    _write(session, "refund", [(reversal.payment_id, reversal.left, reversal.currency, refund_id, key)])
    whole = PaymentRow.amount
    _set(
        session,
        reversal.payment_id,
        status=Status.REFUNDED,
        captured=whole,
        refunded=whole,
        provider_id=charge_id,
        token=None,
        next_action=None,
    )


def voided(session: Session, reversal: Reversal, charge_id: str | None, key: str) -> None:
    """Nothing was taken, and nothing can be any more."""
    if charge_id:
        _write(session, "void", [(reversal.payment_id, reversal.left, reversal.currency, charge_id, key)])
    _set(session, reversal.payment_id, status=Status.VOIDED, token=None, next_action=None)


def close(session: Session, orders: Sequence[str]) -> None:
    """These orders are over: forget the cards that nobody has asked for."""
    session.execute(
        update(PaymentRow)
        .where(PaymentRow.order_id.in_(orders), PaymentRow.status == Status.CREATED)
        .values(status=Status.VOIDED, token=None, updated_at=clock())
        .execution_options(synchronize_session=False)
    )


def _set(session: Session, payment_id: str, **values: Any) -> None:
    session.execute(
        update(PaymentRow)
        .where(PaymentRow.id == payment_id)
        .values(updated_at=clock(), **values)
        .execution_options(synchronize_session=False)
    )


def _write(session: Session, kind: str, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
    names = ("payment_id", "amount", "currency", "provider_id", "key")
    values = [{"id": new_id(), **dict(zip(names, row, strict=True))} for row in rows]
    session.execute(insert(TransactionRow).values(kind=kind, at=clock()), values)
