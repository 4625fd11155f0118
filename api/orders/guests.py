"""Access to orders: customers and staff by their session, guests by the token of their order.

An order of another customer or guest is a 404.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from api.http.blueprint import note
from api.http.security import TOKEN_LENGTH, is_staff, maybe_signed_in, visitor
from shop.kernel.errors import NotFound
from shop.orders import guest_tokens, orders
from shop.orders.orders import OrderRow
from shop.payments.queries import Paying

View = TypeVar("View", bound=Callable[..., Any])

ABOUT = "What a guest shows instead of a sign-in: "
SHAPE = {"required": False, "schema": {"type": "string", "maxLength": TOKEN_LENGTH}}
PARAMETERS = [
    {"in": "header", "name": "X-Order-Token", "description": ABOUT + "what came with the order.", **SHAPE},
    {"in": "query", "name": "token", "description": ABOUT + "the same.", **SHAPE},
]


def or_guest(view: View) -> View:
    """Admit customers, staff and guests, and document the guest's token. The view checks the owner itself."""
    guarded = maybe_signed_in(view)
    arguments = deepcopy(getattr(guarded, "_apidoc", {}).get("arguments", {}))
    arguments["parameters"] = [*arguments.get("parameters", []), *PARAMETERS]
    return note(guarded, arguments={"responses": {}, **arguments})


def guest_token() -> str | None:
    """Return the order token of this request, from header or query; None without one or for a malformed one."""
    token = request.headers.get("X-Order-Token") or request.args.get("token") or ""
    return token if 0 < len(token) <= TOKEN_LENGTH and token.isascii() else None


def check_owner(order: OrderRow | Paying, what: str) -> None:
    """Raise NotFound unless the caller is staff, owns the order, or is a guest with its token.

    what: the noun in the message, such as "job".
    """
    if not (is_staff() or _owns(order.customer_id) or (order.customer_id is None and _opens(order))):
        raise NotFound(f"There is no such {what}.")


def their_order(session: Session, id: UUID) -> OrderRow:
    """Return the order if the caller is its owner or staff; else raise NotFound."""
    found = orders.get(session, str(id))
    check_owner(found, "order")
    return found


def _owns(owner_id: str | None) -> bool:
    who = visitor()
    return who is not None and who.id == owner_id


def _opens(order: OrderRow | Paying) -> bool:
    token = guest_token()
    order_id = order.id if isinstance(order, OrderRow) else order.payment.order_id
    return token is not None and guest_tokens.opens(order_id, order.cart_id, token)
