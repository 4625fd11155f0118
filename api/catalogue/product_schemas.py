"""Schemas of products, categories and searches."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.http.etags import versioned
from api.http.fields import Few, Integer, Moment, QueryBoolean, QueryInteger, Text
from api.http.money import currency
from api.http.schemas import MoneySchema, PageQuery, Schema
from shop.catalogue.rules import LONGEST_OPTION
from shop.catalogue.tables import VariantRow
from shop.kernel.currencies import OURS
from shop.kernel.money import MOST
from shop.search.facets import Facets, Values
from shop.search.products import Hit, Left
from shop.search.query import INCOMPLETE
from shop.stock import backorders

SORTS = ("name", "-name", "price", "-price", "newest", "relevance")


class CurrencyQuery(Schema):
    currency = currency(load_default=OURS, metadata={"description": "of the prices; what has none in it is left out"})


class SearchQuery(PageQuery, CurrencyQuery):
    q = Text(most=200, load_default=None, metadata={"description": "words, or their beginnings"})
    category = Text(most=255, load_default=None, metadata={"description": "path or id, with everything below it"})
    min_price = QueryInteger(least=0, most=MOST, load_default=None, metadata={"description": "in minor units"})
    max_price = QueryInteger(least=0, most=MOST, load_default=None, metadata={"description": "in minor units"})
    in_stock = QueryBoolean(load_default=None)
    sort = fields.String(
        load_default=None,
        validate=validate.OneOf(SORTS),
        metadata={"description": "without it: relevance where there is a `q`, else newest"},
    )
    status = fields.String(
        load_default="active",
        validate=validate.OneOf(["active", "archived", INCOMPLETE]),
        metadata={"description": "staff only: archived; incomplete, for sale and without a variant to sell"},
    )

    option = Few(
        Text(most=2 * LONGEST_OPTION + 1),
        most=20,
        load_default=list,
        metadata={
            "description": "of a variant, like `color:white`; several of one name: any of them, of other names: all",
            "example": ["color:white"],
        },
    )


class VariantSchema(Schema):
    sku = fields.String()
    name = fields.String()
    options = fields.Dict()
    price = fields.Nested(MoneySchema, metadata={"description": "in the currency that was asked for"})
    prices = fields.List(fields.Nested(MoneySchema), metadata={"description": "in other currencies than the shop's"})
    available = Integer()
    backorder = fields.Boolean(metadata={"description": "can be ordered before it has come in"})
    backorder_limit = Integer(allow_none=True, metadata={"description": "so many of all orders; null: any number"})


class ProductSchema(Schema):
    id = fields.String()
    slug = fields.String()
    name = fields.String()
    description = fields.String()
    category = fields.String(allow_none=True, metadata={"description": "its path", "example": "furniture/chairs"})
    images = fields.List(fields.String())
    status = fields.String()
    tax_class = fields.String(metadata={"example": "standard"})
    variants = fields.List(fields.Nested(VariantSchema))
    created_at = Moment()
    updated_at = Moment()


_PRODUCT = ProductSchema()


class CategoryCountSchema(Schema):
    category = fields.String()
    name = fields.String()
    count = Integer()


class StockCountSchema(Schema):
    yes = Integer(data_key="true")
    no = Integer(data_key="false")


class PriceRangeSchema(Schema):
    min = fields.Nested(MoneySchema, allow_none=True)
    max = fields.Nested(MoneySchema, allow_none=True)


class ValueCountSchema(Schema):
    value = fields.String()
    count = Integer()


class OptionCountSchema(Schema):
    name = fields.String(metadata={"example": "color"})
    values = fields.List(fields.Nested(ValueCountSchema))


class FacetsSchema(Schema):
    categories = fields.List(fields.Nested(CategoryCountSchema))
    options = fields.List(fields.Nested(OptionCountSchema))
    in_stock = fields.Nested(StockCountSchema)
    price = fields.Nested(PriceRangeSchema)


class FoundSchema(Schema):
    items = fields.List(fields.Nested(ProductSchema))
    next = fields.String(allow_none=True)
    facets = fields.Nested(FacetsSchema)


class CategorySchema(Schema):
    id = fields.String()
    path = fields.String()
    name = fields.String()


def product_of(hit: Hit, currency: str = OURS) -> dict[str, Any]:
    """Return a product for ProductSchema, with the active variants that have a price in `currency`."""
    product = hit.product
    columns = ("id", "slug", "name", "description", "images", "status", "tax_class", "created_at", "updated_at")
    shown = {name: getattr(product, name) for name in columns}
    told = [_variant(variant, hit, currency) for variant in product.variants if variant.active]
    variants = [variant for variant in told if variant["price"]]
    return {**shown, "category": product.category.path if product.category else None, "variants": variants}


def tagged_product(hit: Hit, currency: str = OURS) -> tuple[dict[str, Any], str]:
    """Return the body of a product, and its ETag."""
    body: dict[str, Any] = _PRODUCT.dump(product_of(hit, currency))
    return body, versioned(hit.product.version, body)


def facets_of(facets: Facets) -> dict[str, Any]:
    counts = [{"category": path, "name": name, "count": count} for path, name, count in facets.categories]
    price = {"min": _money(facets.lowest, facets.currency), "max": _money(facets.highest, facets.currency)}
    stock = {"yes": facets.in_stock, "no": facets.sold_out}
    return {
        "categories": counts,
        "options": [_option(*one) for one in facets.options],
        "in_stock": stock,
        "price": price,
    }


def _option(name: str, values: Values) -> dict[str, Any]:
    return {"name": name, "values": [{"value": value, "count": count} for value, count in values]}


def _variant(variant: VariantRow, hit: Hit, currency: str) -> dict[str, Any]:
    listed = hit.listed.get(variant.sku, {})
    price = _money(variant.price if variant.currency == currency else listed.get(currency), currency)
    shown = {"sku": variant.sku, "name": variant.name, "options": variant.options, "price": price}
    prices = [_money(amount, currency) for currency, amount in listed.items()]
    left = hit.left.get(variant.sku, Left(0, None))
    return {**shown, "prices": prices, "available": left.available, **backorders.terms_of(left.most)}


def _money(amount: int | None, currency: str) -> dict[str, Any] | None:
    return None if amount is None else {"amount": amount, "currency": currency}
