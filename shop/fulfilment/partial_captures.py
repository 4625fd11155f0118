"""Capture a parcel's share of an authorisation that several parcels share."""

from __future__ import annotations

from sqlalchemy.orm import Session

from engine.outcomes import Outcome, Refused, TryAgain
from shop.fulfilment import parcel_shares, parcels
from shop.fulfilment.parcels import FulfilmentRow
from shop.orders import orders
from shop.payments import payments, replacement
from shop.payments import staff_actions as payment_actions
from shop.payments.payments import PaymentRow, Status
from shop.payments.staff_actions import Authorised


def amount_of(session: Session, order_id: str, parcel: FulfilmentRow) -> int:
    """Return the share of a parcel that was just sent, in minor units. The caller has locked the order."""
    lines = parcels.contents(parcel)
    before = {sku: n - lines.get(sku, 0) for sku, n in parcels.shipped(session, order_id).items()}
    return parcel_shares.share(orders.get(session, order_id), before, lines)


def begin(session: Session, id: str, amount: int) -> Authorised | Outcome | None:
    """Lock order and payment and return the capture to ask the provider for; `amount` in minor units.

    None: it is captured already, by staff, with all the rest, or by the payment that replaced this one. TryAgain while
    staff capture or void the payment; Refused when too little is authorised.
    """
    order_id = session.get_one(PaymentRow, id).order_id
    orders.lock(session, order_id)
    row = payments.lock_all(session, [id])[id]
    if row.status in (Status.CAPTURING, Status.VOIDING):
        return TryAgain("payment_busy", after=1.0)
    if row.status == Status.AUTHORISED and amount <= row.authorised:
        return payment_actions.asked_of(row, amount, final=False)
    if _is_taken(session, replacement.first_of(session, order_id)):
        return None
    return Refused("not_authorised", f"{row.authorised} are authorised, the payment is {row.status}.")


def _is_taken(session: Session, row: PaymentRow) -> bool:
    sent = parcels.shipped(session, row.order_id)
    return row.captured >= parcel_shares.due(orders.get(session, row.order_id), sent)
