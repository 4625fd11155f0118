"""Taking the money of an order that was sent, where it was only authorised before."""

from __future__ import annotations

from sqlalchemy.orm import Session

import engine
from shop import payment_desk
from shop.fulfilments import GONE
from sql import new_id
from workflows import capture_payment


def capture_if_sent(session: Session, order_id: str, parcel_status: str) -> None:
    """With the first parcel that leaves, all of it."""
    held = payment_desk.held_for(session, order_id) if parcel_status in GONE else None
    if held:
        row, amount = payment_desk.begin_capture(session, held, None)
        about = {"payment": row.id, "amount": amount}
        engine.start(session, capture_payment, key=new_id(), subject=("order", order_id), input=about)
