"""What a cart looks like from outside."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.fields import Integer, Line
from api.schemas import MoneySchema, Schema
from shop.cart_merge import Strategy
from shop.cart_view import Cart
from shop.carts import MOST_OF_ONE
from shop.catalogue import SKU_LENGTH


class AddSchema(Schema):
    sku = Line(required=True, most=SKU_LENGTH)
    quantity = Integer(required=True, least=1, most=MOST_OF_ONE)


class QuantitySchema(Schema):
    quantity = Integer(required=True, least=0, most=MOST_OF_ONE, metadata={"description": "0 takes the line out"})


class MergeSchema(Schema):
    source = Line(required=True, most=64, data_key="from", metadata={"description": "the guest's token"})
    strategy = fields.String(load_default=Strategy.MERGE, validate=validate.OneOf([*Strategy]))


class ShippingSchema(Schema):
    shipping_method = Line(required=True, most=40, metadata={"example": "standard"})


class CartLineSchema(Schema):
    sku = fields.String()
    name = fields.String()
    quantity = Integer()
    unit_price = fields.Nested(MoneySchema)
    total = fields.Nested(MoneySchema)


class BreakdownSchema(Schema):
    label = fields.String()
    amount = fields.Nested(MoneySchema)


class CartProblemSchema(Schema):
    """What stands in the way of ordering, or what should be known before."""

    code = fields.String(metadata={"enum": ["archived", "out_of_stock", "price_changed", "too_many"]})
    sku = fields.String()
    detail = fields.String()


class CartSchema(Schema):
    """`breakdown` adds up to `total`."""

    id = fields.String(metadata={"description": "what this cart is known by in paths and in orders"})
    currency = fields.String()
    lines = fields.List(fields.Nested(CartLineSchema))
    subtotal = fields.Nested(MoneySchema)
    discount = fields.Nested(MoneySchema)
    shipping = fields.Nested(MoneySchema)
    tax = fields.Nested(MoneySchema)
    total = fields.Nested(MoneySchema)
    shipping_method = fields.String(allow_none=True)
    breakdown = fields.List(fields.Nested(BreakdownSchema))
    problems = fields.List(fields.Nested(CartProblemSchema))


def cart_of(cart: Cart) -> dict[str, Any]:
    sums = {name: getattr(cart.quote, name) for name in ("subtotal", "discount", "shipping", "tax", "total")}
    breakdown = [{"label": label, "amount": amount} for label, amount in cart.quote.breakdown]
    return {
        "id": cart.row.owner_id or cart.row.id,
        "currency": cart.row.currency,
        "lines": cart.quote.lines,
        **sums,
        "shipping_method": cart.row.shipping_method,
        "breakdown": breakdown,
        "problems": cart.problems,
    }
