"""Schemas of carts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.http.fields import Integer, Line
from api.http.money import BreakdownSchema, TaxSchema, currency, taxes_of
from api.http.schemas import MoneySchema, Schema
from shop.carts.carts import MOST_OF_ONE
from shop.carts.merge import Strategy
from shop.carts.priced_cart import Cart
from shop.kernel.countries import CODES
from shop.kernel.currencies import OURS
from shop.kernel.skus import SKU_LENGTH
from shop.pricing.offers import CODE_LENGTH


class NewCartSchema(Schema):
    currency = currency(load_default=OURS, metadata={"description": "of all its prices"})


class CartCurrencySchema(Schema):
    currency = currency(required=True)


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
    country = fields.String(
        load_default=None,
        validate=validate.OneOf(sorted(CODES)),
        metadata={"example": "DE", "description": "where it is to go, for the tax; an order's address decides"},
    )


class CouponCodeSchema(Schema):
    code = Line(required=True, most=CODE_LENGTH, metadata={"example": "SPRING10", "description": "in any case"})


class CartLineSchema(Schema):
    """`total` is before `discount`; `tax` is on the line less its discount."""

    sku = fields.String()
    name = fields.String()
    quantity = Integer()
    unit_price = fields.Nested(MoneySchema)
    total = fields.Nested(MoneySchema)
    discount = fields.Nested(MoneySchema)
    tax = fields.Nested(MoneySchema)


PROBLEMS = ("archived", "out_of_stock", "backorder", "price_changed", "too_many", "no_price_in_currency",
            "shipping_unavailable", "coupon_unknown", "coupon_expired", "coupon_used_up", "coupon_minimum",
            "coupon_no_effect", "coupon_other_currency")  # fmt: skip


class CartProblemSchema(Schema):
    """What prevents ordering the cart, or what the customer should know before."""

    code = fields.String(metadata={"enum": [*PROBLEMS]})
    sku = fields.String(allow_none=True, metadata={"description": "null when it is about the coupon"})
    detail = fields.String()


class CartSchema(Schema):
    """`breakdown` adds up to `total`, which is subtotal - discount + shipping, and + tax unless `tax_included`."""

    id = fields.String(metadata={"description": "what this cart is known by in paths and in orders"})
    currency = fields.String()
    lines = fields.List(fields.Nested(CartLineSchema))
    subtotal = fields.Nested(MoneySchema)
    discount = fields.Nested(MoneySchema)
    shipping = fields.Nested(MoneySchema)
    tax = fields.Nested(MoneySchema)
    tax_included = fields.Boolean()
    taxes = fields.List(fields.Nested(TaxSchema), metadata={"description": "by rate, of goods and of shipping"})
    total = fields.Nested(MoneySchema)
    shipping_method = fields.String(allow_none=True)
    country = fields.String(allow_none=True)
    coupons = fields.List(fields.String(), metadata={"description": "one at most"})
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
        "tax_included": cart.quote.tax_included,
        "taxes": taxes_of(cart.quote.taxes, cart.row.currency),
        "shipping_method": cart.row.shipping_method,
        "country": cart.row.country,
        "coupons": [cart.row.coupon_code] if cart.row.coupon_code else [],
        "breakdown": breakdown,
        "problems": cart.problems,
    }
