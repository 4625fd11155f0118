"""Fields and schemas of money. A row holds an integer of minor units beside a `currency` on the same object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from api.http.fields import Integer
from api.http.schemas import MoneySchema, Schema
from shop.kernel.currencies import CODES, OURS
from shop.kernel.money import MOST


def currency(**kwargs: Any) -> fields.String:
    one_of = validate.OneOf(sorted(CODES), error="Must be a code of ISO 4217, such as EUR.")
    about = {"example": OURS, "description": "ISO 4217", **kwargs.pop("metadata", {})}
    return fields.String(validate=one_of, metadata=about, **kwargs)


class PriceSchema(MoneySchema):
    """Money whose currency is a code of ISO 4217."""

    currency = currency(required=True)


class SignedMoneySchema(Schema):
    """Money that may be negative, as a discount is."""

    amount = Integer(required=True, least=-MOST, most=MOST, metadata={"example": -500})
    currency = fields.String(required=True, metadata={"example": "EUR"})


class BreakdownSchema(Schema):
    label = fields.String()
    amount = fields.Nested(SignedMoneySchema)


class TaxSchema(Schema):
    """The net amount taxed at one rate, and the tax on it."""

    rate = Integer(metadata={"description": "in hundredths of a per cent"})
    net = fields.Nested(MoneySchema)
    tax = fields.Nested(MoneySchema)


def taxes_of(told: Sequence[Mapping[str, int]], currency: str) -> list[dict[str, Any]]:
    """Return the stored taxes (minor units) as TaxSchema dumps them."""
    return [
        {"rate": one["rate"], **{name: {"amount": one[name], "currency": currency} for name in ("net", "tax")}}
        for one in told
    ]


class Amount(fields.Nested):
    """`total = Amount()` shows `row.total` of a row with a `row.currency` as `{"amount": ..., "currency": ...}`."""

    def __init__(self, *, signed: bool = False, **kwargs: Any) -> None:
        super().__init__(SignedMoneySchema if signed else MoneySchema, **kwargs)

    def _serialize(self, nested_obj: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return None if nested_obj is None else {"amount": nested_obj, "currency": obj.currency}
