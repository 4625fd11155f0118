"""Capture the money of parcels that were sent, where it was only authorised before."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

import engine
from db.schema import new_id
from shop.fulfilment import partial_captures
from shop.fulfilment.parcels import GONE, FulfilmentRow
from shop.kernel.errors import IllegalMove
from shop.payments import staff_actions as payment_actions
from shop.payments.payments import PaymentRow, Status

CAPTURE = engine.Named("capture_payment")


def capture_if_sent(session: Session, order_id: str, parcel: FulfilmentRow, by: str) -> None:
    """Lock the order's authorised payment, if there is one, and start the capture for a parcel that was sent.

    Captures the parcel's share, where the provider captures in parts; else all of it with the first parcel.
    by: the caller, as the run records it.
    """
    payment = payment_actions.held_for(session, order_id) if parcel.status in GONE else None
    if payment and payment.in_parts:
        _capture_share(session, payment, parcel, by)
    elif payment and payment.status == Status.AUTHORISED:
        row, amount = payment_actions.begin_capture(session, payment.id, None)
        _start(session, row, new_id(), by, amount=amount)


def _capture_share(session: Session, payment: PaymentRow, parcel: FulfilmentRow, by: str) -> None:
    """Start the capture of a parcel's share. Its key is the parcel's, so that each is captured once."""
    amount = partial_captures.amount_of(session, payment.order_id, parcel)
    if amount:
        _start(session, payment, f"parcel:{parcel.id}", by, amount=amount, parcel=parcel.id)


def _start(session: Session, payment: PaymentRow, key: str, by: str, **how: Any) -> None:
    about = {"payment": payment.id, **how}
    engine.start(session, CAPTURE, key=key, subject=("order", payment.order_id), input=about, by=by)


def check_rest_stays(session: Session, order_id: str) -> None:
    """Raise IllegalMove while staff capture a part of the authorisation, which lets go of what a parcel would need.

    Call it after the parcel was checked: the payment is locked since then, so that no such capture can begin.
    """
    payment = payment_actions.held_for(session, order_id)
    asked = engine.live_inputs(session, ("order", order_id), CAPTURE.name) if payment else []
    if payment and any(not about.get("parcel") and about["amount"] < payment.authorised for about in asked):
        raise IllegalMove("A part of the order's money is being captured, and the rest of it let go.")


def check_none_under_way(session: Session, order_id: str) -> None:
    """Raise IllegalMove while any capture of the order is under way or needs attention."""
    if engine.live_runs(session, ("order", order_id), CAPTURE.name):
        raise IllegalMove("A share of the order's money is being captured, or its capture needs attention.")
