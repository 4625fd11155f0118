"""Schemas of shipping methods and tax rates."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.http.fields import Boolean, Few, Integer, Line
from api.http.money import PriceSchema
from api.http.schemas import MoneySchema, Schema
from shop.kernel.currencies import OURS
from shop.pricing.rates import LIKE_GOODS, OWN_RATE, STANDARD, ShippingMethodRow, ShippingRateRow

CODE = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}\Z")
A_TAX_CLASS = r"^[a-z0-9][a-z0-9_-]{0,19}\Z"
TAX_CLASS = validate.Regexp(A_TAX_CLASS)
MONEY = ("rate", "free_above")
MANY = 50  # currencies


class OwnPriceSchema(MoneySchema):
    """Money in the shop's currency."""

    currency = fields.String(required=True, validate=validate.Equal(OURS), metadata={"example": OURS})


class OtherRateSchema(Schema):
    """The rate of a shipping method in another currency; carts in a currency without one are not offered the method."""

    rate = fields.Nested(PriceSchema, required=True)
    free_above = fields.Nested(PriceSchema, load_default=None, allow_none=True)

    @validates_schema
    def _in_one_other_currency(self, rate: dict[str, Any], **_: Any) -> None:
        said = {money["currency"] for money in rate.values() if money}
        if len(said) > 1 or OURS in said:
            raise ValidationError(f"Both must be in one currency, and not in {OURS}.", "rate")


def _each_once(rates: list[dict[str, Any]]) -> None:
    if len({rate["rate"]["currency"] for rate in rates}) < len(rates):
        raise ValidationError("Name each currency once.")


class ShippingMethodChangeSchema(Schema):
    name = Line(most=100)
    rate = fields.Nested(OwnPriceSchema)
    free_above = fields.Nested(
        OwnPriceSchema, allow_none=True, metadata={"description": "from these goods on, after discounts, it is free"}
    )
    tax_class = fields.String(validate=TAX_CLASS)
    rates = Few(fields.Nested(OtherRateSchema), most=MANY, checks=[_each_once])
    active = Boolean(metadata={"description": "false: nobody can choose it any more"})


class NewShippingMethodSchema(ShippingMethodChangeSchema):
    code = fields.String(required=True, validate=CODE, metadata={"example": "express"})
    name = Line(required=True, most=100)
    rate = fields.Nested(OwnPriceSchema, required=True)
    tax_class = fields.String(validate=TAX_CLASS, load_default=STANDARD)


class ShippingMethodSchema(Schema):
    code = fields.String()
    name = fields.String()
    rate = fields.Nested(MoneySchema)
    free_above = fields.Nested(MoneySchema, allow_none=True)
    rates = fields.List(fields.Nested(OtherRateSchema), metadata={"description": "in other currencies"})
    tax_class = fields.String()
    active = fields.Boolean()


class RateSchema(Schema):
    rate = Integer(required=True, least=0, most=10_000, metadata={"description": "in hundredths of a per cent"})
    shipping = fields.String(
        validate=validate.OneOf([LIKE_GOODS, OWN_RATE]),
        allow_none=True,
        load_default=None,
        metadata={"description": "how shipping of this class is taxed; null: as the law of the country has it"},
    )


class TaxRateSchema(RateSchema):
    country = fields.String(metadata={"example": "DE"})
    tax_class = fields.String(metadata={"example": "standard"})


def values_of(wish: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the tables: amounts in minor units."""
    values = {name: value["amount"] if name in MONEY and value else value for name, value in wish.items()}
    return values | ({"rates": [_rate_row(rate) for rate in wish["rates"]]} if "rates" in wish else {})


def method_of(row: ShippingMethodRow) -> dict[str, Any]:
    """Return the shipping method for the schema."""
    shown = {name: getattr(row, name) for name in ShippingMethodSchema().fields}
    rates = [_monies(rate, rate.currency) for rate in row.rates]
    return shown | _monies(row, OURS) | {"rates": rates}


def _rate_row(rate: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: rate[name] and rate[name]["amount"] for name in MONEY}
    return amounts | {"currency": rate["rate"]["currency"]}


def _monies(row: ShippingMethodRow | ShippingRateRow, currency: str) -> dict[str, Any]:
    amounts = {name: getattr(row, name) for name in MONEY}
    return {name: None if n is None else {"amount": n, "currency": currency} for name, n in amounts.items()}
