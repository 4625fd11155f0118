"""Fields of the catalogue, checked by the shop's own rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields, validate

from api.http.fields import Few, Text
from api.http.money import PriceSchema
from shop.catalogue import rules
from shop.kernel.skus import SKU_LENGTH


def fits(problem: Callable[[Any], str | None]) -> Callable[[Any], None]:
    """Make a validator of a rule that returns what is wrong with a value, or None."""

    def check(value: Any) -> None:
        why = problem(value)
        if why:
            raise ValidationError(why)

    return check


def slug(**kwargs: Any) -> fields.String:
    shape = {"pattern": f"^{rules.SLUG}$", "maxLength": rules.LONGEST_SLUG, "example": "oak-chair"}
    return fields.String(validate=fits(rules.slug_problem), metadata=shape, **kwargs)


def path(**kwargs: Any) -> fields.String:
    shape = {"pattern": f"^{rules.PATH}$", "maxLength": rules.LONGEST_PATH, "example": "furniture/chairs"}
    return fields.String(validate=fits(rules.path_problem), metadata=shape, **kwargs)


def sku(**kwargs: Any) -> fields.String:
    shape = {"pattern": f"^{rules.SKU}$", "maxLength": SKU_LENGTH, "example": "OAK-CHAIR-WHITE"}
    return fields.String(validate=fits(lambda sku: rules.sku_problem(sku, SKU_LENGTH)), metadata=shape, **kwargs)


def images(**kwargs: Any) -> Few:
    one = fields.String(
        validate=fits(rules.image_problem),
        metadata={"format": "uri", "pattern": "^https://", "maxLength": rules.LONGEST_URL},
    )
    return Few(one, most=rules.MOST_IMAGES, **kwargs)


def options(**kwargs: Any) -> fields.Dict:
    text = Text(most=rules.LONGEST_OPTION)
    return fields.Dict(keys=fields.String(), values=text, validate=fits(rules.options_problem), **kwargs)


def prices(**kwargs: Any) -> fields.List[Any]:
    about = {"description": "in other currencies than the shop's, each once; they take the place of those there were"}
    return Few(fields.Nested(PriceSchema), most=rules.MOST_PRICES, metadata=about, **kwargs)


def tax_class(**kwargs: Any) -> fields.String:
    about = {"example": "standard", "description": "docs/prices.md; where it has no rate there is no tax"}
    return fields.String(validate=validate.Regexp(rf"^{rules.TAX_CLASS}\Z"), metadata=about, **kwargs)
