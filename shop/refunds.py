"""Giving a part of an order's money back, or what is left of it. A refund is written down before it is asked for.

What is asked for counts as given: the ceiling holds with two at once, and a repeated call asks for the same amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from outcomes import Refused
from shop import payments
from shop.payments import PaymentRow, TransactionRow
from sql import At, Base, Id, clock, held, new_id, now


class Status(StrEnum):
    ASKED = "asked"  # the provider has been, or may have been, asked
    DONE = "done"
    REFUSED = "refused"


class RefundRow(Base):
    """`key` is what the provider knows it by."""

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"), index=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default=Status.ASKED)
    error_code: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[At] = mapped_column(default=now())
    updated_at: Mapped[At] = mapped_column(default=now())


@dataclass(frozen=True)
class Wish:
    """So much of an order's money back; `amount` None: all that is left."""

    key: str
    order_id: str
    amount: int | None


@dataclass(frozen=True)
class PayBack:
    """What is needed to ask the provider."""

    refund_id: str
    payment_id: str
    order_id: str
    charge_id: str
    amount: int
    currency: str


def ask(session: Session, wishes: Sequence[Wish]) -> dict[str, PayBack | Refused]:
    """By their keys; a wish for nothing is left out. What was asked for under a key before is asked for again."""
    captured = _captured(session, [wish.order_id for wish in wishes])
    found = {wish.key: _ask(session, wish, captured.get(wish.order_id)) for wish in wishes}
    return {key: answer for key, answer in found.items() if answer}


def _captured(session: Session, orders: Sequence[str]) -> dict[str, PaymentRow]:
    """The payment that each order was paid by, locked: one at a time gives back of it."""
    row = PaymentRow
    taken = select(row).where(row.order_id.in_(orders), row.captured > 0).order_by(row.order_id, row.id)
    return {payment.order_id: payment for payment in session.scalars(held(taken))}


def _ask(session: Session, wish: Wish, payment: PaymentRow | None) -> PayBack | Refused | None:
    there = session.scalars(select(RefundRow).where(RefundRow.key == wish.key)).first()
    if payment is None:
        return Refused("nothing_captured", "nothing was taken for this order") if wish.amount else None
    if there is None:
        left = payment.captured - payment.refunded - _under_way(session, payment)
        amount = left if wish.amount is None else wish.amount
        if amount > left:
            return Refused("refund_exceeds_payment", f"{amount} are to be given back and {left} are left")
        if amount == 0:
            return None
        there = _write(session, wish, payment, amount)
    return PayBack(there.id, payment.id, wish.order_id, payment.provider_id or "", there.amount, there.currency)


def _under_way(session: Session, payment: PaymentRow) -> int:
    asked = select(RefundRow.amount).where(RefundRow.payment_id == payment.id, RefundRow.status == Status.ASKED)
    return sum(session.scalars(asked))


def _write(session: Session, wish: Wish, payment: PaymentRow, amount: int) -> RefundRow:
    row = RefundRow(id=new_id(), payment_id=payment.id, key=wish.key, amount=amount, currency=payment.currency)
    session.add(row)
    session.flush()
    return row


def done(session: Session, back: PayBack, provider_id: str, key: str) -> payments.Status:
    """It is given back. Returns where the payment stands then."""
    _end(session, back.refund_id, status=Status.DONE)
    told = {"amount": back.amount, "currency": back.currency, "provider_id": provider_id, "key": key}
    session.add(TransactionRow(id=new_id(), payment_id=back.payment_id, kind="refund", **told))
    payment = session.scalars(held(select(PaymentRow).where(PaymentRow.id == back.payment_id))).one()
    payment.refunded += back.amount
    payment.status = payments.Status.REFUNDED if payment.refunded == payment.captured else payments.Status.CAPTURED
    session.flush()
    return payments.Status(payment.status)


def refused(session: Session, back: PayBack, code: str) -> None:
    """A final no: it does not count any more."""
    _end(session, back.refund_id, status=Status.REFUSED, error_code=code)


def _end(session: Session, id: str, **values: str) -> None:
    ending = update(RefundRow).where(RefundRow.id == id).values(updated_at=clock(), **values)
    session.execute(ending.execution_options(synchronize_session=False))
