"""What a guest shows instead of a sign-in. It is computed, so that no table and no backup tells it.

It ends when the order gets an owner, or forgets who ordered it (`cart_id` changes then).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from shop.kernel import keys, links
from shop.kernel.keys import Purpose
from shop.kernel.links import Place
from shop.orders.orders import OrderRow, Placed


def of(order_id: str, cart_id: str) -> str:
    return keys.mark(Purpose.ORDER_TOKEN, "order", order_id, cart_id)


def for_guest(order: OrderRow | Placed | Row[Any]) -> str | None:
    """None: the order has an owner, who signs in."""
    return None if order.customer_id else of(order.id, order.cart_id)


def opens(order_id: str, cart_id: str, shown: str) -> bool:
    """Whether it is the order's own token; that of the cart it was placed from opens the cart alone."""
    return keys.is_mark(shown, Purpose.ORDER_TOKEN, "order", order_id, cart_id)


def link(order: OrderRow | Row[Any]) -> str:
    """To the page of an order. Guests get their token with it; the others sign in there."""
    token = for_guest(order)
    return links.link(Place.ORDER, id=order.id, **({"token": token} if token else {}))
