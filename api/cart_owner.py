"""Whose cart `{owner}` means: `me`, a user's id (one's own, or anybody's for staff), or a guest's token."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from api.guests import LONGEST, is_staff
from api.security import caller
from shop import carts
from shop.carts import CartRow
from shop.errors import NotFound


def to_read(session: Session, owner: str) -> CartRow:
    customer = customer_of(owner)
    return carts.read_customers(session, customer) if customer else carts.of_guest(session, owner)


def to_change(session: Session, owner: str) -> CartRow:
    customer = customer_of(owner)
    return carts.of_customer(session, customer) if customer else carts.of_guest(session, owner)


def to_order(session: Session, owner: str) -> CartRow:
    """Held until the order is written: of two orders of one cart the second finds it empty."""
    customer = customer_of(owner)
    if customer and customer != caller().id:
        raise NotFound("There is no such cart.")  # staff look into carts, they do not order them
    return carts.hold_customers(session, customer) if customer else carts.hold_guests(session, owner)


def customer_of(owner: str) -> str | None:
    """The user this names; None for what can only be a guest's token."""
    if owner == "me":
        return caller().id
    user = _user(owner)
    if user is None:
        return None
    if user == caller().id or is_staff():
        return user
    raise NotFound("There is no such cart.")


def _user(owner: str) -> str | None:
    if len(owner) > LONGEST:
        raise NotFound("There is no such cart.")
    try:
        return str(UUID(owner))
    except ValueError:
        return None
