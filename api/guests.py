"""Guests: whoever has no account shows the token that was their cart's id. What is not theirs is not there."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from api.blueprint import note
from api.security import maybe_signed_in, visitor
from shop import orders
from shop.errors import NotFound
from shop.orders import OrderRow

View = TypeVar("View", bound=Callable[..., Any])

STAFF = ("staff", "admin")
LONGEST = 64
ABOUT = "What a guest shows instead of a sign-in: the id of the cart the order was placed from."
SHAPE = {"required": False, "description": ABOUT, "schema": {"type": "string", "maxLength": LONGEST}}
PARAMETERS = [{"in": "header", "name": "X-Cart-Token", **SHAPE}, {"in": "query", "name": "token", **SHAPE}]


def or_guest(view: View) -> View:
    """For the owner, signed in or with the token of their cart."""
    guarded = maybe_signed_in(view)
    arguments = deepcopy(getattr(guarded, "_apidoc", {}).get("arguments", {}))
    arguments["parameters"] = [*arguments.get("parameters", []), *PARAMETERS]
    return note(guarded, arguments={"responses": {}, **arguments})


def cart_token() -> str | None:
    """The token that came with this request."""
    token = request.headers.get("X-Cart-Token") or request.args.get("token") or ""
    return token if 0 < len(token) <= LONGEST and token.isascii() else None


def is_staff() -> bool:
    who = visitor()
    return who is not None and who.role in STAFF


def check_owner(owner_id: str | None, cart_id: str, what: str) -> None:
    """NotFound unless it belongs to whoever asks, or staff asks."""
    if not (is_staff() or _owns(owner_id) or (owner_id is None and _has_token(cart_id))):
        raise NotFound(f"There is no such {what}.")


def their_order(session: Session, id: UUID) -> OrderRow:
    """The order, for its owner and for staff; for others it is not there."""
    found = orders.get(session, str(id))
    check_owner(found.customer_id, found.cart_id, "order")
    return found


def _owns(owner_id: str | None) -> bool:
    who = visitor()
    return who is not None and who.id == owner_id


def _has_token(cart_id: str) -> bool:
    token = cart_token()
    return token is not None and hmac.compare_digest(token, cart_id)
