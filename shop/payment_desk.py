"""What staff do with a payment. Each begins under its lock, so that of two at once one is told no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from outcomes import Outcome, Refused
from shop import offline, orders, payments
from shop.errors import IllegalMove, Invalid, NotFound
from shop.orders import PaymentStatus
from shop.orders import Status as OrderStatus
from shop.payments import PaymentRow, Status
from sql import held, later

CLOSED = (OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.CANCELLING)


@dataclass(frozen=True)
class Authorised:
    """What is needed to capture an authorisation, or to let go of it."""

    payment_id: str
    order_id: str
    provider_id: str
    amount: int
    currency: str


def get(session: Session, id: str) -> PaymentRow:
    """Locked."""
    row = payments.holding(session, [id]).get(id)
    if row is None:
        raise NotFound("There is no such payment.")
    return row


def begin_capture(session: Session, id: str, amount: int | None) -> tuple[PaymentRow, int]:
    """Of an authorisation all or a part, which lets the rest go; of money that comes otherwise exactly all."""
    row = get(session, id)
    if row.status not in (Status.AUTHORISED, Status.PENDING):
        raise IllegalMove(f"The payment is {row.status}; there is nothing to capture.")
    order = orders.get(session, row.order_id)
    if order.status in CLOSED or (row.status == Status.AUTHORISED and order.status != OrderStatus.CONFIRMED):
        raise IllegalMove(f"The order is {order.status}; nothing is captured for it.")
    wanted = row.amount if amount is None else amount
    if wanted > row.amount or (row.status == Status.PENDING and wanted != row.amount):
        raise Invalid({"amount": [f"The payment is of {row.amount} {row.currency}."]})
    payments.change(session, id, status=Status.CAPTURING)
    session.refresh(row)
    return row, wanted


def begin_void(session: Session, id: str) -> PaymentRow:
    row = get(session, id)
    if row.status != Status.AUTHORISED:
        raise IllegalMove(f"The payment is {row.status}; only an authorisation can be voided.")
    payments.change(session, id, status=Status.VOIDING)
    session.refresh(row)
    return row


def begin_expiring(session: Session, days: float, batch: int = 200) -> list[PaymentRow]:
    """Authorisations that nobody has captured for so long: the bank would forget them soon."""
    row = PaymentRow
    old = select(row).where(row.status == Status.AUTHORISED, row.updated_at < later(-days * 86_400))
    rows = list(session.scalars(held(old.order_by(row.order_id, row.id).limit(batch))))
    for one in rows:
        payments.change(session, one.id, status=Status.VOIDING)
    return rows


def held_for(session: Session, order_id: str) -> str | None:
    """The payment that holds an authorisation for this order."""
    row = PaymentRow
    mine = select(row.id).where(row.order_id == order_id, row.status == Status.AUTHORISED, row.spare.is_(False))
    return session.scalars(mine).first()


def resume(session: Session, ids: Sequence[str]) -> None:
    """It came to nothing before anybody was asked."""
    for row in payments.holding(session, ids).values():
        if row.status in (Status.CAPTURING, Status.VOIDING):
            payments.change(session, row.id, status=Status.AUTHORISED if row.authorised else Status.PENDING)


def open_capture(session: Session, id: str, amount: int, key: str) -> Authorised | Outcome | None:
    """What to ask the provider for. Money that came by another way is written down here and now."""
    order = session.get_one(PaymentRow, id).order_id
    status = orders.standing(session, [order])[order]
    row = payments.holding(session, [id])[id]
    if row.status == Status.CAPTURED:
        return None
    if row.status != Status.CAPTURING or status in CLOSED:
        return Refused("order_closed", f"The order is {status} and the payment {row.status}.")
    if row.method == "card":
        return _held(row, amount)
    offline.take(session, row, offline.OURS, key)
    return None


def open_void(session: Session, id: str) -> Authorised | Outcome | None:
    row = payments.holding(session, [id])[id]
    if row.status == Status.VOIDED:
        return None
    if row.status != Status.VOIDING:
        return Refused("illegal_state", f"The payment is {row.status}.")
    return _held(row, row.authorised)


def _held(row: PaymentRow, amount: int) -> Authorised:
    return Authorised(row.id, row.order_id, row.provider_id or "", amount, row.currency)


def captured(session: Session, hold: Authorised, key: str) -> None:
    row = payments.holding(session, [hold.payment_id])[hold.payment_id]
    payments.tell(session, row, "capture", hold.amount, hold.provider_id, key)
    payments.change(session, row.id, status=Status.CAPTURED, captured=hold.amount, authorised=0)
    paid = PaymentStatus.PAID if hold.amount == row.amount else PaymentStatus.PARTIALLY_PAID
    orders.set_payment_status(session, [row.order_id], paid)


def voided(session: Session, hold: Authorised, key: str) -> None:
    row = payments.holding(session, [hold.payment_id])[hold.payment_id]
    payments.tell(session, row, "void", hold.amount, hold.provider_id, key)
    payments.change(session, row.id, status=Status.VOIDED, authorised=0)
    orders.set_payment_status(session, [row.order_id], PaymentStatus.UNPAID)
