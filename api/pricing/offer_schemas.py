"""Schemas of promotions and coupons, for staff only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from api.http.fields import Boolean, Integer, Line, Moment, Percent
from api.http.money import PriceSchema
from api.http.paging import page
from api.http.schemas import MoneySchema, Schema
from db.statements import table_of
from shop.kernel.errors import Invalid
from shop.pricing import offer_admin
from shop.pricing.offers import CODE_LENGTH, Kind, OfferRow

MANY = 1_000_000
MONEY = ("amount", "minimum")


def _more_than_nothing(value: dict[str, Any]) -> None:
    if value["amount"] < 1:
        raise ValidationError("Must be more than nothing.")


class OfferChangeSchema(Schema):
    """A change of an offer: of all fields but the kind. null removes a condition.

    `amount` and `minimum` are in one currency; an offer with either does not apply to carts in another.
    """

    name = Line(most=120)
    percent = Percent(allow_none=True)
    amount = fields.Nested(PriceSchema, validate=_more_than_nothing, allow_none=True)
    buy = Integer(least=1, most=100, allow_none=True)
    free = Integer(least=1, most=100, allow_none=True, metadata={"description": "of every buy + free units"})
    category = Line(most=255, allow_none=True, metadata={"description": "its path, with everything below it"})
    product_id = fields.UUID(allow_none=True)
    minimum = fields.Nested(PriceSchema, metadata={"description": "of all goods, before discounts"})
    priority = Integer(least=-1000, most=1000, metadata={"description": "the highest is tried first"})
    stackable = Boolean(metadata={"description": "false: with no other offer"})
    starts_at = Moment(allow_none=True)
    ends_at = Moment(allow_none=True)


class NewOfferSchema(OfferChangeSchema):
    name = Line(required=True, most=120)
    kind = fields.String(required=True, validate=validate.OneOf([*Kind]))


class CouponChangeSchema(OfferChangeSchema):
    total_limit = Integer(least=1, most=MANY, allow_none=True, metadata={"description": "1: a single use"})
    per_customer = Integer(least=1, most=MANY, allow_none=True, metadata={"description": "guests by e-mail address"})


class NewCouponSchema(NewOfferSchema, CouponChangeSchema):
    code = fields.String(
        required=True,
        validate=validate.Regexp(rf"^[A-Za-z0-9_-]{{3,{CODE_LENGTH}}}\Z"),
        metadata={"example": "SPRING10", "description": "kept in capitals"},
    )


class PromotionSchema(Schema):
    id = fields.String()
    name = fields.String()
    kind = fields.String(metadata={"enum": [*Kind]})
    percent = Percent(allow_none=True)
    amount = fields.Nested(MoneySchema, allow_none=True)
    buy = Integer(allow_none=True)
    free = Integer(allow_none=True)
    category = fields.String(allow_none=True)
    product_id = fields.String(allow_none=True)
    minimum = fields.Nested(MoneySchema)
    priority = Integer()
    stackable = fields.Boolean()
    starts_at = Moment(allow_none=True)
    ends_at = Moment(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class CouponSchema(PromotionSchema):
    code = fields.String()
    total_limit = Integer(allow_none=True)
    per_customer = Integer(allow_none=True)
    uses = Integer(metadata={"description": "by orders that did not come to nothing"})


def values_of(wish: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the table: amounts in minor units, ids as text, codes in capitals.

    Raises Invalid when `amount` and `minimum` are in different currencies.
    """
    values = {name: value["amount"] if name in MONEY and value else value for name, value in wish.items()}
    values |= _currency(wish)
    if values.get("product_id"):
        values["product_id"] = str(values["product_id"])
    if "code" in values:
        values["code"] = offer_admin.fold(values["code"])
    return values


def offers_page(rows: Sequence[OfferRow], limit: int) -> dict[str, Any]:
    """Return a page of offers for the schemas; `rows` are up to `limit + 1`."""
    found = page(rows, limit, lambda row: [row.id])
    return {**found, "items": [offer_of(row) for row in found["items"]]}


def offer_of(row: OfferRow) -> dict[str, Any]:
    """Return the offer for the schemas."""
    shown = {column.key: getattr(row, column.key) for column in table_of(OfferRow).columns}
    money = {name: {"amount": shown[name], "currency": row.currency} for name in MONEY}
    return shown | {name: None if shown[name] is None else told for name, told in money.items()}


def _currency(wish: dict[str, Any]) -> dict[str, str]:
    """Return the currency of the amounts above zero; none of them sets no currency."""
    said = {wish[name]["currency"] for name in MONEY if wish.get(name) and wish[name]["amount"]}
    if len(said) > 1:
        raise Invalid({name: ["Must be in one currency."] for name in MONEY})
    return {"currency": said.pop()} if said else {}
