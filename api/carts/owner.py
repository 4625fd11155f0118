"""Find the cart that `{owner}` names: `me`, the id of a user (staff: of any user), or a guest's token."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from api.http.security import TOKEN_LENGTH, caller, claim, is_staff
from shop.carts import carts
from shop.carts.carts import CartRow
from shop.kernel.errors import NotFound, Unauthenticated


class Owner(NamedTuple):
    """The owner of a cart: a customer's id, or a guest's token."""

    id: str
    is_guest: bool


def to_read(session: Session, owner: str) -> CartRow:
    """Return the cart without locking it; for a customer who has none, an empty one that is not stored.

    Raises NotFound for the cart of another user or an unknown token, Unauthenticated for `me` without a session.
    """
    customer = customer_of(owner)
    return carts.read_customers(session, customer) if customer else carts.of_guest(session, owner)


def to_change(session: Session, owner: str) -> CartRow:
    """Return the stored cart, not locked; a customer who has none gets one. Raises what `to_read` raises."""
    customer = customer_of(owner)
    return carts.of_customer(session, customer) if customer else carts.of_guest(session, owner)


def to_order(owner: str) -> Owner:
    """Return the owner of the cart to order, which must be the caller's own: staff may read carts, not order them.

    The session of the token is not checked, nor whether the cart exists. Raises Unauthenticated or NotFound.
    """
    named, own = _user(owner), claim()
    if owner != "me" and named is None:
        return Owner(owner, is_guest=True)
    if own is None:
        raise Unauthenticated("Sign in first.")
    if named not in (None, own.user):
        raise NotFound("There is no such cart.")
    return Owner(own.user, is_guest=False)


def customer_of(owner: str) -> str | None:
    """Return the id of the user that `owner` names; None if it can only be a guest's token.

    Raises Unauthenticated without a session, NotFound for another user unless staff asks.
    """
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
