"""Orders of guests: found again by number and address, and taken over by the account that the mailbox belongs to.

A customer with a verified address may claim a guest's order that names it, if they know its number or it was placed
after they verified. An older order may be another person's, who was tricked into confirming a stranger's account.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import statement_time
from db.statements import for_update
from shop.accounts import users
from shop.kernel.errors import Refusal
from shop.orders.orders import OrderRow
from shop.pricing import coupon_redemptions


class Unverified(Refusal):
    """The account's address is not verified, so that it may claim no order."""

    code, title = "email_not_verified", "The e-mail address is not verified"


def find(session: Session, number: str, email: str) -> OrderRow | None:
    """Find a guest's order by its number and address, in any case; None: they do not belong together."""
    order = session.scalars(select(OrderRow).where(OrderRow.number == number.strip().upper())).first()
    theirs = order is not None and order.customer_id is None and order.email == users.normal(email)
    return order if theirs else None


def adopt_guest_orders(session: Session, user_id: str, numbers: Sequence[str]) -> list[OrderRow]:
    """Lock the guest orders with this user's address that have one of these numbers or were placed after it was
    verified, give them and their redemptions to the user, and return them, oldest first.

    Their guest tokens no longer open them. Raises NotFound, Unverified.
    """
    user = users.get(session, user_id)
    if user.email_verified_at is None:
        raise Unverified("Open the link in the mail that we sent you first.")
    row = OrderRow
    known = row.number.in_([number.strip().upper() for number in numbers])
    theirs = row.customer_id.is_(None) & (row.email == users.normal(user.email or ""))
    since = row.created_at > user.email_verified_at
    found = session.scalars(for_update(select(row).where(theirs, known | since).order_by(row.id))).all()
    for order in found:
        order.customer_id, order.updated_at = user.id, statement_time()
    session.flush()
    coupon_redemptions.adopt(session, [order.id for order in found], user.id)
    for order in found:
        session.refresh(order)
    return list(found)
