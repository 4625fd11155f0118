"""Order again: put an order's lines into a cart, at today's prices."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.carts import carts
from shop.carts.carts import CartRow
from shop.carts.priced_cart import Problem
from shop.catalogue import price_lists
from shop.kernel.errors import Invalid
from shop.orders.orders import OrderLineRow, OrderRow


def fill(session: Session, cart: CartRow, order: OrderRow) -> list[Problem]:
    """Lock the cart and add the order's lines that are sold. Returns a problem for each line that is not, does not
    fit into the cart, or has another price than it had."""
    carts.lock(session, cart)
    sold = price_lists.sellable(session, [line.sku for line in order.lines], cart.currency)
    found: list[Problem] = []
    for line in order.lines:
        if line.sku not in sold:
            found.append(Problem("archived", line.sku, f"{line.name} is no longer sold."))
        elif sold[line.sku] is None:
            found.append(Problem("no_price_in_currency", line.sku, f"{line.name} has no price in {cart.currency}."))
        elif _put_in(session, cart, line, found) and (sold[line.sku], cart.currency) != (
            line.unit_price,
            order.currency,
        ):
            found.append(Problem("price_changed", line.sku, "The price has changed since you ordered it."))
    return found


def _put_in(session: Session, cart: CartRow, line: OrderLineRow, found: list[Problem]) -> bool:
    try:
        carts.add(session, cart, line.sku, line.quantity)
    except Invalid as no:
        found.append(
            Problem("too_many", line.sku, " ".join(why for whys in no.more["errors"].values() for why in whys))
        )
        return False
    return True
