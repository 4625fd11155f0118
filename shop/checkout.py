"""From a cart to an order: the server's prices, a snapshot, and the payment it will be charged to."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from config import settings
from shop import cart_view, carts, orders, payments
from shop.carts import CartRow
from shop.errors import EmptyCart, Invalid
from shop.orders import OrderRow
from shop.prices import PricedLine, Quote, quote
from sql import new_id

METHODS = ("card",)
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class PlaceOrder:
    """The command. The token stands for a card at the provider; it goes into the payment's row and nowhere else."""

    customer_id: str | None
    email: str
    shipping_address: dict[str, Any]
    shipping_method: str
    payment_method: str
    payment_token: str = field(repr=False)


def place(session: Session, cart: CartRow, command: PlaceOrder) -> OrderRow:
    """Write the order and empty the cart, which the caller holds. Nothing is reserved or charged yet."""
    if command.payment_method not in METHODS:
        raise Invalid({"payment.method": [f"One of {', '.join(METHODS)}."]})
    looked = cart_view.look(session, cart)
    _refuse_what_can_not_be_sold(looked)
    quoted = quote(looked.quote.lines, command.shipping_method)
    values = _order(cart, command, quoted)
    order = orders.begin(session, values, _lines(values["id"], quoted.lines))
    payments.write(session, _payment(values, command))
    carts.empty(session, cart)
    return order


def _refuse_what_can_not_be_sold(cart: cart_view.Cart) -> None:
    archived = [problem.sku for problem in cart.problems if problem.code == "archived"]
    if archived:
        raise Invalid({"cart": [f"No longer sold: {', '.join(archived)}."]})
    if not cart.quote.lines:
        raise EmptyCart("There is nothing in the cart.")


def _order(cart: CartRow, command: PlaceOrder, quoted: Quote) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": "".join(secrets.choice(ALPHABET) for _ in range(10)),
        "customer_id": command.customer_id,
        "cart_id": cart.id,
        "email": command.email,
        "currency": quoted.total.currency,
        "subtotal": quoted.subtotal.amount,
        "discount": quoted.discount.amount,
        "shipping": quoted.shipping.amount,
        "tax": quoted.tax.amount,
        "total": quoted.total.amount,
        "shipping_method": command.shipping_method,
        "shipping_address": command.shipping_address,
    }


def _lines(order_id: str, lines: Sequence[PricedLine]) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order_id,
            "sku": line.sku,
            "position": position,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price.amount,
            "total": line.total.amount,
        }
        for position, line in enumerate(lines)
    ]


def _payment(order: dict[str, Any], command: PlaceOrder) -> dict[str, Any]:
    return payments.new(
        order["id"],
        method=command.payment_method,
        provider=settings().payment_provider,
        amount=order["total"],
        currency=order["currency"],
        token=command.payment_token,
    )
