"""From the wish of a shopper to an order and the run that carries it out, in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

import engine
from api import cart_owner
from api.commands import Answer, accepted
from api.order_schemas import ORDER
from api.security import caller, visitor
from shop import addresses, checkout
from shop.carts import CartRow
from shop.checkout import PlaceOrder
from shop.errors import Invalid
from shop.orders import OrderRow
from workflows import place_order


def place(session: Session, wish: dict[str, Any]) -> Answer:
    cart = cart_owner.to_order(session, wish["cart"])
    order = checkout.place(session, cart, _command(session, cart, wish))
    run = engine.start(session, place_order, key=order.id, subject=("order", order.id))
    return accepted_order(session, run.id, order)


def accepted_order(session: Session, run_id: str, order: OrderRow) -> Answer:
    """The 202 of a run about an order."""
    body, status, headers = accepted(session, run_id)
    return {**body, "order": {**ORDER.dump(order), "job": body["job"]}}, status, headers


def _command(session: Session, cart: CartRow, wish: dict[str, Any]) -> PlaceOrder:
    who = visitor()
    return PlaceOrder(
        customer_id=who.id if who else None,
        email=wish.get("email") or (who.email if who else _missing("email", "A guest's order needs one.")),
        shipping_address=_address(session, wish),
        shipping_method=wish.get("shipping_method") or cart.shipping_method or _missing("shipping_method"),
        payment_method=wish["payment"]["method"],
        payment_token=wish["payment"]["token"],
    )


def _address(session: Session, wish: dict[str, Any]) -> dict[str, Any]:
    if "shipping_address" in wish:
        return dict(wish["shipping_address"])
    return addresses.postal(addresses.get(session, caller().id, str(wish["shipping_address_id"])))


def _missing(name: str, why: str = "Missing data for required field.") -> str:
    raise Invalid({name: [why]})
