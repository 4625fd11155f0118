"""Captures and voids asked for by staff, parcels and the clock. Each begins under the payment's lock, so that of two
at once the second is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.functions import in_seconds
from db.statements import for_update
from engine.outcomes import Outcome, Refused
from shop.kernel.errors import IllegalMove, Invalid, NotFound
from shop.orders import orders
from shop.orders.states import GIVEN_UP
from shop.orders.states import Status as OrderStatus
from shop.payments import offline, payments
from shop.payments import status as payment_status
from shop.payments.payments import PaymentRow, Status, TransactionRow

CLOSED = (*GIVEN_UP, OrderStatus.CANCELLING)


@dataclass(frozen=True)
class Authorised:
    """An authorisation to capture or void; `amount` in minor units. `final`: the capture lets the rest go."""

    payment_id: str
    order_id: str
    provider_id: str
    amount: int
    currency: str
    final: bool = True


def get(session: Session, id: str) -> PaymentRow:
    """Lock and return the payment, or raise NotFound."""
    row = payments.lock_all(session, [id]).get(id)
    if row is None:
        raise NotFound("There is no such payment.")
    return row


def begin_capture(session: Session, id: str, amount: int | None) -> tuple[PaymentRow, int]:
    """Lock the payment, move it to `capturing` and return it with the amount to capture, in minor units.

    amount: None for all. A part of an authorisation lets the rest go; a pending transfer or cash is all or nothing.
    Raises IllegalMove when the payment or its order is in the wrong state, Invalid for another amount.
    """
    row = get(session, id)
    if row.status not in (Status.AUTHORISED, Status.PENDING):
        raise IllegalMove(f"The payment is {row.status}; there is nothing to capture.")
    order = orders.get(session, row.order_id)
    if order.status in CLOSED or (row.status == Status.AUTHORISED and order.status != OrderStatus.CONFIRMED):
        raise IllegalMove(f"The order is {order.status}; nothing is captured for it.")
    there = row.authorised or row.amount
    wanted = there if amount is None else amount
    if wanted > there or (row.status == Status.PENDING and wanted != row.amount):
        raise Invalid({"amount": [f"There are {there} {row.currency} to be captured."]})
    payments.change(session, id, status=Status.CAPTURING)
    session.refresh(row)
    return row, wanted


def begin_void(session: Session, id: str) -> PaymentRow:
    """Lock the payment, move it from `authorised` to `voiding` and return it. Raises IllegalMove in another state."""
    row = get(session, id)
    if row.status != Status.AUTHORISED:
        raise IllegalMove(f"The payment is {row.status}; only an authorisation can be voided.")
    payments.change(session, id, status=Status.VOIDING)
    session.refresh(row)
    return row


def expiring(session: Session, days: float, batch: int = 200) -> list[PaymentRow]:
    """Lock and return up to `batch` payments authorised over `days` ago and not fully captured: banks drop them."""
    row, told = PaymentRow, TransactionRow
    long_ago = exists().where(told.payment_id == row.id, told.kind == "authorise", told.at < in_seconds(-days * 86_400))
    old = select(row).where(row.status == Status.AUTHORISED, long_ago)
    return list(session.scalars(for_update(old.order_by(row.order_id, row.id).limit(batch))))


def held_for(session: Session, order_id: str) -> PaymentRow | None:
    """Lock and return the order's payment that is authorised; None: nothing is."""
    row = PaymentRow
    mine = select(row).where(row.order_id == order_id, row.authorised > 0, row.spare.is_(False))
    return session.scalars(for_update(mine)).first()


def resume(session: Session, ids: Sequence[str]) -> None:
    """Move payments back from `capturing` or `voiding`, when the provider was not asked."""
    for row in payments.lock_all(session, ids).values():
        if row.status in (Status.CAPTURING, Status.VOIDING):
            payments.change(session, row.id, status=Status.AUTHORISED if row.authorised else Status.PENDING)


def open_capture(session: Session, id: str, amount: int, key: str) -> Authorised | Outcome | None:
    """Lock order and payment and return the capture to ask the provider for; `amount` in minor units.

    None: there is nothing to ask for. The payment is captured already, or its order was cancelled meanwhile (it is
    then resumed, for the cancellation to reverse), or it came without a provider and is recorded here. Refused when
    the payment is not `capturing`.
    """
    order = session.get_one(PaymentRow, id).order_id
    status = orders.lock_statuses(session, [order])[order]
    row = payments.lock_all(session, [id])[id]
    if row.status == Status.CAPTURED:
        return None
    if status in CLOSED:
        resume(session, [id])
        return None
    if row.status != Status.CAPTURING:
        return Refused("order_closed", f"The order is {status} and the payment {row.status}.")
    if row.method == "card":
        return asked_of(row, amount)
    offline.take(session, row, offline.OURS, key)
    return None


def open_void(session: Session, id: str) -> Authorised | Outcome | None:
    """Lock the payment and return the authorisation to void; None: nothing is authorised any more.

    Refused when the payment is not `voiding`.
    """
    row = payments.lock_all(session, [id])[id]
    if not row.authorised:
        return None
    if row.status != Status.VOIDING:
        return Refused("illegal_state", f"The payment is {row.status}.")
    return asked_of(row, row.authorised)


def asked_of(row: PaymentRow, amount: int, *, final: bool = True) -> Authorised:
    return Authorised(row.id, row.order_id, row.provider_id or "", amount, row.currency, final)


def captured(session: Session, hold: Authorised, moved: str, key: str) -> None:
    """Lock order and payment and record a capture; `moved`: the provider's id of it."""
    orders.lock(session, hold.order_id)
    row = payments.lock_all(session, [hold.payment_id])[hold.payment_id]
    payments.record_transaction(session, row, "capture", hold.amount, moved, key)
    row.captured += hold.amount
    row.authorised = 0 if hold.final else row.authorised - hold.amount
    payment_status.sync_status(session, row)


def voided(session: Session, hold: Authorised, key: str) -> None:
    """Lock order and payment and record the void of what is still authorised. What was captured stays."""
    orders.lock(session, hold.order_id)
    row = payments.lock_all(session, [hold.payment_id])[hold.payment_id]
    payments.record_transaction(session, row, "void", row.authorised, hold.provider_id, key)
    row.authorised = 0
    payment_status.sync_status(session, row)


def gone(session: Session, hold: Authorised, code: str, key: str) -> None:
    """Record the void of an authorisation when the provider's refusal means that it holds nothing any more.

    `charge_already_captured` with no capture in our ledger is left to the operator: it was taken outside the shop.
    """
    row = payments.lock_all(session, [hold.payment_id])[hold.payment_id]
    if row.authorised and (code == VOIDED or (code == CAPTURED and row.captured)):
        voided(session, hold, key)


VOIDED, CAPTURED = "charge_voided", "charge_already_captured"
"""The codes with which providers refuse when an authorisation is gone."""
