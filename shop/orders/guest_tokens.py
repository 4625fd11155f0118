"""The token that a guest shows instead of signing in. It is computed, so that it stands in no table and no backup.

It ends when a customer's account takes the order over, or when the order is made anonymous (its `cart_id` changes).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from shop.kernel import keys, links
from shop.kernel.keys import Purpose
from shop.kernel.links import Place
from shop.orders.orders import OrderRow, Placed


def of(order_id: str, cart_id: str) -> str:
    """Compute the token of an order that was placed from this cart."""
    return keys.mark(Purpose.ORDER_TOKEN, "order", order_id, cart_id)


def for_guest(order: OrderRow | Placed | Row[Any]) -> str | None:
    """Return the order's token; None: the order belongs to an account, which signs in."""
    return None if order.customer_id else of(order.id, order.cart_id)


def opens(order_id: str, cart_id: str, shown: str) -> bool:
    """Return whether `shown` is the order's token. The cart's id is another token, and opens no order."""
    return keys.is_mark(shown, Purpose.ORDER_TOKEN, "order", order_id, cart_id)


def link(order: OrderRow | Row[Any]) -> str:
    """Return the link to the order's page. A guest's carries the token; customers sign in there."""
    token = for_guest(order)
    return links.link(Place.ORDER, id=order.id, **({"token": token} if token else {}))
