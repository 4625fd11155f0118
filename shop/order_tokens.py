"""What a guest shows instead of a sign-in. It is computed, so that no table and no backup tells it.

It ends when the order gets an owner, or forgets who ordered it (`cart_id` changes then).
"""

from __future__ import annotations

import hmac
from typing import Any

from sqlalchemy import Row

from config import settings
from shop import passwords
from shop.orders import OrderRow, Placed


def of(order_id: str, cart_id: str) -> str:
    return passwords.mark("order", order_id, cart_id)


def for_guest(order: OrderRow | Placed | Row[Any]) -> str | None:
    """None: the order has an owner, who signs in."""
    return None if order.customer_id else of(order.id, order.cart_id)


def opens(order_id: str, cart_id: str, shown: str) -> bool:
    """The order's own token does, and that of the cart it was placed from."""
    return any(hmac.compare_digest(shown, token) for token in (of(order_id, cart_id), cart_id))


def link(order_id: str, token: str) -> str:
    """The token stands behind the #, where no server log and no Referer header can see it."""
    return f"{settings().public_url}/account/order#id={order_id}&token={token}"
