"""The table `refunds`, and sums over it: what is left of a payment to refund."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Select, String, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from shop.orders import orders
from shop.orders.quantities import ordered, worth
from shop.payments.payments import PaymentRow


class Status(StrEnum):
    """The state of a refund."""

    ASKED = "asked"  # the provider has been, or may have been, asked
    DONE = "done"
    SETTLED = "settled"  # given back, but not by the provider
    REFUSED = "refused"


SOURCE, WALLET = "source", "wallet"
OUTSIDE = "outside"
"""The destination of a refund that the provider made without being asked by the shop: at its own desk, say."""


class RefundRow(Base):
    """One refund; `amount` in minor units.

    key: the idempotency key at the provider. by: the staff member who issued it, for a `reason`.
    return_id: the return it pays for, if any: the credit note goes by the tax rates of its goods.
    destination: `source` (the way the money came), `wallet` (store credit) or `outside` (made by the provider itself).
    """

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"), index=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default=Status.ASKED)
    error_code: Mapped[str | None] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    destination: Mapped[str] = mapped_column(String(20), default=SOURCE, server_default=SOURCE)
    by: Mapped[Id | None]
    return_id: Mapped[Id | None] = mapped_column(ForeignKey("returns.id"))
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


def of_run(run: str) -> Select[RefundRow]:
    """Return the SELECT of a run's refunds, newest first."""
    return select(RefundRow).where(RefundRow.key.startswith(f"{run}:")).order_by(RefundRow.id.desc())


def given_by(session: Session, run: str) -> int:
    """Return the sum of the run's refunds that are done or settled, in minor units."""
    done = of_run(run).where(RefundRow.status.in_((Status.DONE, Status.SETTLED)))
    return sum(row.amount for row in session.scalars(done))


def left(session: Session, payment: PaymentRow) -> int:
    """Return what can still be refunded, in minor units: captured, less refunded, settled and under way."""
    return payment.captured - payment.refunded - payment.settled - under_way(session, payment)


def under_way(session: Session, payment: Any) -> int:
    """Return the sum of the payment's refunds that are asked for and not ended, in minor units."""
    asked = select(RefundRow.amount).where(RefundRow.payment_id == payment.id, RefundRow.status == Status.ASKED)
    return sum(session.scalars(asked))


def owed_for_goods(session: Session, order_id: str) -> int:
    """Return how much of the worth of an order's goods is paid, or authorised, and not given back; in minor units.

    What staff gave back before counts towards the goods first: shipping stays with the shop. 0: nothing was paid.
    """
    row = PaymentRow
    taken = select(row).where(row.order_id == order_id, ~row.spare, or_(row.captured > 0, row.authorised > 0))
    payment = session.scalars(taken).first()
    if payment is None:
        return 0
    there = not_given(session, payment)
    return there if payment.authorised else min(there, left(session, payment))


def not_given(session: Session, payment: PaymentRow) -> int:
    """Return the worth of the order's goods less what was given back or is under way, in minor units; at least 0."""
    order = orders.get(session, payment.order_id)
    given = payment.captured - left(session, payment)
    return max(0, worth(order, ordered(order)) - given)


def write(session: Session, key: str, payment: PaymentRow, amount: int) -> RefundRow:
    """Insert a refund in the state `asked`; `amount` in minor units."""
    row = RefundRow(id=new_id(), payment_id=payment.id, key=key, amount=amount, currency=payment.currency)
    session.add(row)
    session.flush()
    return row


def end(session: Session, id: str, **values: str) -> None:
    """Set the refund's last columns: its `status`, and what belongs to it."""
    ending = update(RefundRow).where(RefundRow.id == id).values(updated_at=statement_time(), **values)
    session.execute(ending.execution_options(synchronize_session=False))
