"""Whose cart `{owner}` means: `me`, a user's id (one's own, or anybody's for staff), or a guest's token."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from api.http.security import TOKEN_LENGTH, caller, claim, is_staff
from shop.carts import carts
from shop.carts.carts import CartRow
from shop.kernel.errors import NotFound, Unauthenticated


class Owner(NamedTuple):
    """Whose cart: a customer's id, or a guest's token."""

    id: str
    is_guest: bool


def to_read(session: Session, owner: str) -> CartRow:
    customer = customer_of(owner)
    return carts.read_customers(session, customer) if customer else carts.of_guest(session, owner)


def to_change(session: Session, owner: str) -> CartRow:
    customer = customer_of(owner)
    return carts.of_customer(session, customer) if customer else carts.of_guest(session, owner)


def to_order(owner: str) -> Owner:
    """Only one's own: staff look into carts, they do not order them."""
    named, own = _user(owner), claim()
    if owner != "me" and named is None:
        return Owner(owner, is_guest=True)
    if own is None:
        raise Unauthenticated("Sign in first.")
    if named not in (None, own.user):
        raise NotFound("There is no such cart.")
    return Owner(own.user, is_guest=False)


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
    if len(owner) > TOKEN_LENGTH:
        raise NotFound("There is no such cart.")
    try:
        return str(UUID(owner))
    except ValueError:
        return None
