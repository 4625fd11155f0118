"""What shipping methods and tax rates look like from outside."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.fields import Boolean, Integer, Line
from api.offer_schemas import PriceSchema
from api.schemas import MoneySchema, Schema
from shop.prices import CURRENCY
from shop.tariffs import STANDARD, ShippingMethodRow

CODE = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}\Z")
TAX_CLASS = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,19}\Z")
MONEY = ("rate", "free_above")


class ShippingMethodChangeSchema(Schema):
    name = Line(most=100)
    rate = fields.Nested(PriceSchema)
    free_above = fields.Nested(
        PriceSchema, allow_none=True, metadata={"description": "from these goods on, after discounts, it is free"}
    )
    tax_class = fields.String(validate=TAX_CLASS)
    active = Boolean(metadata={"description": "false: nobody can choose it any more"})


class NewShippingMethodSchema(ShippingMethodChangeSchema):
    code = fields.String(required=True, validate=CODE, metadata={"example": "express"})
    name = Line(required=True, most=100)
    rate = fields.Nested(PriceSchema, required=True)
    tax_class = fields.String(validate=TAX_CLASS, load_default=STANDARD)


class ShippingMethodSchema(Schema):
    code = fields.String()
    name = fields.String()
    rate = fields.Nested(MoneySchema)
    free_above = fields.Nested(MoneySchema, allow_none=True)
    tax_class = fields.String()
    active = fields.Boolean()


class RateSchema(Schema):
    rate = Integer(required=True, least=0, most=10_000, metadata={"description": "in hundredths of a per cent"})


class TaxRateSchema(RateSchema):
    country = fields.String(metadata={"example": "DE"})
    tax_class = fields.String(metadata={"example": "standard"})


def values_of(wish: dict[str, Any]) -> dict[str, Any]:
    """As the table has it: amounts in minor units."""
    return {name: value["amount"] if name in MONEY and value else value for name, value in wish.items()}


def method_of(row: ShippingMethodRow) -> dict[str, Any]:
    """What the schema shows of this method."""
    shown = {name: getattr(row, name) for name in ShippingMethodSchema().fields}
    return shown | {name: None if shown[name] is None else _money(shown[name]) for name in MONEY}


def _money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": CURRENCY}
