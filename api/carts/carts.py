"""Carts. Every answer is the whole cart at current prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

import db
from api.carts import owner as cart_owner
from api.carts.schemas import (
    AddSchema,
    CartCurrencySchema,
    CartSchema,
    CouponCodeSchema,
    MergeSchema,
    NewCartSchema,
    QuantitySchema,
    ShippingSchema,
    cart_of,
)
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.security import maybe_signed_in
from shop.carts import carts, coupons, priced_cart
from shop.carts import currency as cart_currency
from shop.carts import merge as cart_merge
from shop.carts.carts import CartRow
from shop.carts.merge import Strategy

blp = Blueprint("carts", __name__, description="Carts: `me`, a user's id, or the token that a guest's cart has for id")

CART = CartSchema()


@blp.post("/api/cart")
@maybe_signed_in
@blp.arguments(NewCartSchema, required=False)
@blp.response(201, CartSchema)
@blp.idempotent
def create_cart(wish: dict[str, Any]) -> Response:
    """Create a guest's cart.

    A cart for a guest. Its `id` is the only key to it, so that it is shown once: a caller who is not signed in gets
    another cart each time, with an Idempotency-Key too.
    """

    def work(session: Session) -> Answer:
        cart = carts.open_guest(session, wish["currency"])
        return _dump(session, cart), 201, {"Location": f"/api/cart/{cart.id}"}

    return run_command(work, secret=True)


@blp.get("/api/cart/<string:owner>")
@maybe_signed_in
@blp.response(200, CartSchema)
def get_cart(owner: str) -> dict[str, Any]:
    """Get a cart."""
    with db.reading() as session:
        return cart_of(priced_cart.look(session, cart_owner.to_read(session, owner)))


@blp.post("/api/cart/<string:owner>")
@maybe_signed_in
@blp.arguments(AddSchema)
@blp.response(200, CartSchema)
@blp.idempotent
def add_to_cart(wish: dict[str, Any], owner: str) -> Response:
    """Add to a cart.

    Adds `quantity` to what the cart holds of this SKU.
    """
    return _change(owner, lambda session, cart: carts.add(session, cart, **wish))


@blp.delete("/api/cart/<string:owner>")
@maybe_signed_in
@blp.response(200, CartSchema)
def empty_cart(owner: str) -> Response:
    """Empty a cart.

    Takes everything out, the coupon as well.
    """
    return _change(owner, carts.clear)


@blp.patch("/api/cart/<string:owner>/items/<string:sku>")
@maybe_signed_in
@blp.arguments(QuantitySchema)
@blp.response(200, CartSchema)
def set_cart_item_quantity(wish: dict[str, Any], owner: str, sku: str) -> Response:
    """Set the quantity of an item in a cart."""
    return _change(owner, lambda session, cart: carts.set_quantity(session, cart, sku, wish["quantity"]))


@blp.delete("/api/cart/<string:owner>/items/<string:sku>")
@maybe_signed_in
@blp.response(200, CartSchema)
def remove_cart_item(owner: str, sku: str) -> Response:
    """Remove an item from a cart."""
    return _change(owner, lambda session, cart: carts.remove(session, cart, sku))


@blp.post("/api/cart/<string:owner>/merge")
@maybe_signed_in
@blp.arguments(MergeSchema)
@blp.response(200, CartSchema)
@blp.idempotent
def merge_carts(wish: dict[str, Any], owner: str) -> Response:
    """Merge a guest's cart into this one.

    Moves the lines of a guest's cart into this one, which keeps its currency; the guest's cart is gone afterwards.
    """
    strategy = Strategy(wish["strategy"])
    return _change(owner, lambda session, cart: cart_merge.merge(session, cart, wish["source"], strategy))


@blp.post("/api/cart/<string:owner>/shipping")
@maybe_signed_in
@blp.arguments(ShippingSchema)
@blp.response(200, CartSchema)
@blp.idempotent
def set_cart_shipping(wish: dict[str, Any], owner: str) -> Response:
    """Set a cart's shipping method and country.

    Shipping and tax depend on both.
    """
    return _change(
        owner, lambda session, cart: carts.choose_shipping(session, cart, wish["shipping_method"], wish["country"])
    )


@blp.post("/api/cart/<string:owner>/currency")
@maybe_signed_in
@blp.arguments(CartCurrencySchema)
@blp.response(200, CartSchema)
@blp.idempotent
def set_cart_currency(wish: dict[str, Any], owner: str) -> Response:
    """Set a cart's currency.

    All lines are priced anew. A line without a price in this currency stays, and is named in `problems`.
    """
    return _change(owner, lambda session, cart: cart_currency.choose(session, cart, wish["currency"]))


@blp.post("/api/cart/<string:owner>/coupons")
@maybe_signed_in
@blp.arguments(CouponCodeSchema)
@blp.response(200, CartSchema)
@blp.idempotent
def apply_coupon(wish: dict[str, Any], owner: str) -> Response:
    """Apply a coupon to a cart.

    It replaces a coupon that was there. It is redeemed by the order, not by the cart.
    """
    return _change(owner, lambda session, cart: coupons.put_in(session, cart, wish["code"]))


@blp.delete("/api/cart/<string:owner>/coupons/<string:code>")
@maybe_signed_in
@blp.response(200, CartSchema)
def remove_coupon(owner: str, code: str) -> Response:
    """Remove a coupon from a cart."""
    return _change(owner, lambda session, cart: coupons.take_out(session, cart, code))


def _change(owner: str, change: Callable[[Session, CartRow], None]) -> Response:
    def work(session: Session) -> Answer:
        cart = cart_owner.to_change(session, owner)
        change(session, cart)
        return _dump(session, cart), 200, {}

    return run_command(work, guest=owner)


def _dump(session: Session, cart: CartRow) -> Any:
    return CART.dump(cart_of(priced_cart.look(session, cart)))
