"""Schemas of the requests by which staff edit the catalogue."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.catalogue import fields as own
from api.http.fields import Boolean, Few, Integer, Line, Text
from api.http.schemas import MoneySchema, Schema
from shop.catalogue.rules import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_VARIANTS
from shop.stock.tables import MOST_ON_HAND


class ChangeSchema(Schema):
    """A change, refused when it names no field."""

    @validates_schema
    def _changes_something(self, wish: dict[str, Any], **_: Any) -> None:
        if not wish:
            raise ValidationError("Say what is to change.", "body")


class NewCategorySchema(Schema):
    path = own.path(required=True)
    name = Line(required=True, most=120)


class CategoryChangeSchema(ChangeSchema):
    path = own.path()
    name = Line(most=120)


class BackorderSchema(Schema):
    """The terms of backorders; they replace all terms set before."""

    backorder = Boolean(metadata={"description": "whether it can be ordered before it has come in"})
    backorder_limit = Integer(
        allow_none=True,
        least=1,
        most=MOST_ON_HAND - 1,
        metadata={"description": "so many of all orders together; null with `backorder`, or not said: any number"},
    )

    @validates_schema
    def _one_or_the_other(self, wish: dict[str, Any], **_: Any) -> None:
        """Refuse a limit that contradicts `backorder`: a null read and sent back alone must not mean any number."""
        limit = wish.get("backorder_limit")
        if wish.get("backorder") is False and limit is not None:
            raise ValidationError("There is none without backorder.", "backorder_limit")
        if "backorder_limit" in wish and limit is None and "backorder" not in wish:
            raise ValidationError("null needs backorder beside it.", "backorder_limit")


class NewVariantSchema(BackorderSchema):
    sku = own.sku(required=True)
    name = Line(required=True, most=LONGEST_NAME)
    options = own.options(load_default=dict)
    price = fields.Nested(MoneySchema, required=True)
    prices = own.prices()


class VariantChangeSchema(ChangeSchema, BackorderSchema):
    name = Line(most=LONGEST_NAME)
    options = own.options()
    price = fields.Nested(MoneySchema)
    prices = own.prices()
    active = Boolean(metadata={"description": "whether it is sold"})


class NewProductSchema(Schema):
    slug = own.slug(required=True)
    name = Line(required=True, most=LONGEST_NAME)
    description = Text(least=0, most=LONGEST_DESCRIPTION, load_default="")
    category = own.path(load_default=None, allow_none=True)
    images = own.images(load_default=list)
    tax_class = own.tax_class()
    variants = Few(fields.Nested(NewVariantSchema), most=MOST_VARIANTS, load_default=list)


class ProductChangeSchema(ChangeSchema):
    slug = own.slug()
    name = Line(most=LONGEST_NAME)
    description = Text(least=0, most=LONGEST_DESCRIPTION)
    category = own.path(allow_none=True)
    images = own.images()
    tax_class = own.tax_class()
    status = fields.String(validate=validate.OneOf(["active", "archived"]))
