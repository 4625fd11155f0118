"""Giving a part of an order's money back, or what is left of it. A refund is written down before it is asked for.

What is asked for counts as given: the ceiling holds with two at once, and a repeated call asks for the same amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Select, String, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from outcomes import Outcome, Refused, TryAgain
from shop import offline, orders, payment_standing, payments, wallets
from shop.payments import PaymentRow
from sql import At, Base, Id, clock, held, new_id, now


class Status(StrEnum):
    ASKED = "asked"  # the provider has been, or may have been, asked
    DONE = "done"
    SETTLED = "settled"  # given back, but not by the provider
    REFUSED = "refused"


SOURCE, WALLET = "source", "wallet"


class RefundRow(Base):
    """`key` is what the provider knows it by; `by`: who of the staff gave it back, for a `reason`.

    `destination`: `source` is the way it came, `wallet` is store credit.
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
    created_at: Mapped[At] = mapped_column(default=now())
    updated_at: Mapped[At] = mapped_column(default=now())


@dataclass(frozen=True)
class Wish:
    """So much of an order's money back; `amount` None: all that is left. `payment_id` None: what it was paid with."""

    key: str
    order_id: str
    amount: int | None
    payment_id: str | None = None


@dataclass(frozen=True)
class PayBack:
    """What is needed to ask the provider."""

    refund_id: str
    payment_id: str
    order_id: str
    charge_id: str
    amount: int
    currency: str


def of_run(run: str) -> Select[RefundRow]:
    """Newest first."""
    return select(RefundRow).where(RefundRow.key.startswith(f"{run}:")).order_by(RefundRow.id.desc())


def ask(session: Session, wishes: Sequence[Wish]) -> dict[str, PayBack | Outcome | None]:
    """By their keys; None is nothing to ask for. What was asked for under a key before is asked for again."""
    captured = _captured(session, wishes)
    return {wish.key: _ask(session, wish, captured.get(wish.key)) for wish in wishes}


def _captured(session: Session, wishes: Sequence[Wish]) -> dict[str, PaymentRow]:
    """The payment that each wish is about, locked: one at a time gives back of it."""
    row, orders = PaymentRow, {wish.order_id for wish in wishes}
    some = or_(row.captured > 0, row.authorised > 0)
    taken = select(row).where(row.order_id.in_(orders), some).order_by(row.order_id, row.id)
    rows = session.scalars(held(taken)).all()
    return {wish.key: payment for wish in wishes for payment in rows if _is_about(wish, payment)}


def _is_about(wish: Wish, payment: PaymentRow) -> bool:
    if wish.payment_id:
        return payment.id == wish.payment_id
    return payment.order_id == wish.order_id and not payment.spare


def _ask(session: Session, wish: Wish, payment: PaymentRow | None) -> PayBack | Outcome | None:
    there = session.scalars(select(RefundRow).where(RefundRow.key == wish.key)).first()
    if payment is None:
        return Refused("nothing_captured", "nothing was taken for this order") if wish.amount else None
    if there is None:
        before, room = _before(session, wish), left(session, payment)
        amount = before.amount if before else wish.amount
        amount = room if amount is None else amount
        if amount > room:
            return _too_much(payment, amount, room)
        if amount == 0:
            return None
        there = write(session, wish.key, payment, amount)
        _be_like(there, before)
        session.flush()
    back = PayBack(there.id, payment.id, wish.order_id, payment.provider_id or "", there.amount, there.currency)
    if there.destination == WALLET or payment.method != "card":
        return _locally(session, there, payment, back)
    return back


def _too_much(payment: PaymentRow, amount: int, room: int) -> Outcome:
    """What came back may have been sent a moment ago: its share is being captured then."""
    why = f"{amount} are to be given back and {room} are left"
    return TryAgain("capture_under_way", why) if payment.authorised else Refused("refund_exceeds_payment", why)


def _before(session: Session, wish: Wish) -> RefundRow | None:
    """What staff gave back and the provider refused, when an operator tries it again: the key is another then."""
    return session.scalars(of_run(wish.key.partition(":")[0]).where(RefundRow.by.is_not(None))).first()


def _be_like(row: RefundRow, before: RefundRow | None) -> None:
    if before:
        row.reason, row.destination, row.by = before.reason, before.destination, before.by


def _locally(session: Session, row: RefundRow, payment: PaymentRow, back: PayBack) -> Outcome | None:
    if row.status != Status.ASKED:
        return None
    if row.destination == WALLET:
        return _as_credit(session, row, payment)
    no = offline.refund(session, payment, row.amount, row.key)
    if no:
        refused(session, back, no.code)
    else:
        end(session, row.id, status=Status.DONE)
    return no


def _as_credit(session: Session, row: RefundRow, payment: PaymentRow) -> Outcome | None:
    customer = orders.get(session, payment.order_id).customer_id
    if customer is None:
        return Refused("no_wallet", "A guest has no store credit.")
    credit = {"payment_id": payment.id, "note": row.reason}
    wallets.move(session, customer, row.amount, row.currency, kind="refund", key=row.key, by=row.by, **credit)
    settle(session, row, payment, "wallet")
    return None


def settle(session: Session, row: RefundRow, payment: PaymentRow, how: str) -> None:
    """It was given back, but not by the provider."""
    end(session, row.id, status=Status.SETTLED)
    count_settled(session, payment, row.amount, how, row.key)


def count_settled(session: Session, payment: PaymentRow, amount: int, how: str, key: str) -> None:
    payments.tell(session, payment, "settle", amount, how, key)
    payment.settled += amount
    payment_standing.stand(session, payment)


def left(session: Session, payment: PaymentRow) -> int:
    return payment.captured - payment.refunded - payment.settled - _under_way(session, payment)


def _under_way(session: Session, payment: PaymentRow) -> int:
    asked = select(RefundRow.amount).where(RefundRow.payment_id == payment.id, RefundRow.status == Status.ASKED)
    return sum(session.scalars(asked))


def write(session: Session, key: str, payment: PaymentRow, amount: int) -> RefundRow:
    row = RefundRow(id=new_id(), payment_id=payment.id, key=key, amount=amount, currency=payment.currency)
    session.add(row)
    session.flush()
    return row


def done(session: Session, back: PayBack, provider_id: str, key: str) -> None:
    """The provider has given it back."""
    end(session, back.refund_id, status=Status.DONE)
    payment = payments.holding(session, [back.payment_id])[back.payment_id]
    payments.tell(session, payment, "refund", back.amount, provider_id, key)
    payment.refunded += back.amount
    payment_standing.stand(session, payment)


def refused(session: Session, back: PayBack, code: str) -> None:
    """A final no: it does not count any more."""
    end(session, back.refund_id, status=Status.REFUSED, error_code=code)


def end(session: Session, id: str, **values: str) -> None:
    ending = update(RefundRow).where(RefundRow.id == id).values(updated_at=clock(), **values)
    session.execute(ending.execution_options(synchronize_session=False))
