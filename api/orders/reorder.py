"""Reorder: put the lines of an order into a cart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from api.carts import owner as cart_owner
from api.carts.schemas import CartSchema, cart_of
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Line
from api.http.schemas import Schema
from api.orders.guests import guest_token, or_guest, their_order
from shop.carts import priced_cart
from shop.checkout import reorder

blp = Blueprint("reordering", __name__, description="Ordering the same once more")

CART = CartSchema()


class ReorderSchema(Schema):
    cart = Line(most=64, load_default="me", metadata={"description": "`me`, or a guest's token"})


@blp.post("/api/orders/<uuid:id>/reorder")
@or_guest
@blp.arguments(ReorderSchema, required=False)
@blp.response(200, CartSchema)
@blp.idempotent
def order_again(wish: dict[str, Any], id: UUID) -> Response:
    """Put an order's goods into a cart again.

    Put what was ordered into a cart, at today's prices. `problems` names what is not available.
    """

    def work(session: Session) -> Answer:
        order = their_order(session, id)
        cart = cart_owner.to_change(session, wish["cart"])
        problems = reorder.fill(session, cart, order)
        found = priced_cart.look(session, cart)
        return CART.dump(cart_of(replace(found, problems=[*problems, *found.problems]))), 200, {}

    return run_command(work, guest=guest_token())
