"""Shipping methods, which are public, and tax rates. Staff set them; carts have them from the next request on."""

from __future__ import annotations

import re
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.paging import a_text, page, position, start
from api.http.schemas import PageQuery, page_of
from api.http.security import STAFF, roles
from api.pricing.rate_schemas import (
    A_TAX_CLASS,
    NewShippingMethodSchema,
    RateSchema,
    ShippingMethodChangeSchema,
    ShippingMethodSchema,
    TaxRateSchema,
    method_of,
    values_of,
)
from shop.kernel.countries import CODES
from shop.kernel.errors import NotFound
from shop.pricing import rate_admin

blp = Blueprint("tariffs", __name__, description="Shipping methods and tax rates")

METHOD = ShippingMethodSchema()


@blp.get("/api/shipping-methods")
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(ShippingMethodSchema))
def list_shipping_methods(query: dict[str, Any]) -> dict[str, Any]:
    """List shipping methods.

    By code; those with `active: false` cannot be chosen.
    """
    after = start(query["cursor"], a_text)
    with db.reading() as session:
        found = rate_admin.methods(session, limit=query["limit"] + 1, after=after)
    pages = page(found, query["limit"], lambda row: [row.code])
    return {**pages, "items": [method_of(row) for row in pages["items"]]}


@blp.post("/api/shipping-methods")
@roles(*STAFF)
@blp.arguments(NewShippingMethodSchema)
@blp.response(201, ShippingMethodSchema)
@blp.idempotent
def create_shipping_method(wish: dict[str, Any]) -> Response:
    """Create a shipping method.

    A code that is taken is a 409. Staff only.
    """

    def work(session: Session) -> Answer:
        row = rate_admin.add(session, values_of(wish))
        return METHOD.dump(method_of(row)), 201, {"Location": f"/api/shipping-methods/{row.code}"}

    return run_command(work)


@blp.get("/api/shipping-methods/<code>")
@blp.response(200, ShippingMethodSchema)
def get_shipping_method(code: str) -> Any:
    """Get a shipping method."""
    with db.reading() as session:
        return method_of(rate_admin.method(session, code))


@blp.patch("/api/shipping-methods/<code>")
@roles(*STAFF)
@blp.arguments(ShippingMethodChangeSchema)
@blp.response(200, ShippingMethodSchema)
def update_shipping_method(wish: dict[str, Any], code: str) -> Any:
    """Update a shipping method.

    Orders that were placed stay as they are. Staff only.
    """
    with db.transaction() as session:
        return method_of(rate_admin.change(session, code, values_of(wish)))


@blp.delete("/api/shipping-methods/<code>")
@roles(*STAFF)
@blp.response(204)
def delete_shipping_method(code: str) -> Response:
    """Delete a shipping method.

    Carts that had chosen it name it in their `problems`. Staff only.
    """
    with db.transaction() as session:
        rate_admin.remove(session, code)
    return Response(status=204)


@blp.get("/api/tax-rates")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(TaxRateSchema))
def list_tax_rates(query: dict[str, Any]) -> dict[str, Any]:
    """List tax rates.

    By country and class. Where there is no rate there is no tax. Staff only.
    """
    after = position(query["cursor"], a_text, a_text)
    with db.reading() as session:
        rows = rate_admin.taxes(session, limit=query["limit"] + 1, after=after and (after[0], after[1]))
    return page(rows, query["limit"], lambda row: [row.country, row.tax_class])


@blp.put("/api/tax-rates/<country>/<tax_class>")
@roles(*STAFF)
@blp.arguments(RateSchema)
@blp.response(200, TaxRateSchema)
def set_tax_rate(wish: dict[str, Any], country: str, tax_class: str) -> Any:
    """Set a tax rate.

    Creates or replaces it; orders that were placed stay as they are. Staff only.
    """
    with db.transaction() as session:
        return rate_admin.set_tax(session, _key(country, tax_class), wish["rate"], wish["shipping"])


@blp.delete("/api/tax-rates/<country>/<tax_class>")
@roles(*STAFF)
@blp.response(204)
def delete_tax_rate(country: str, tax_class: str) -> Response:
    """Delete a tax rate.

    Staff only.
    """
    with db.transaction() as session:
        rate_admin.drop_tax(session, _key(country, tax_class))
    return Response(status=204)


def _key(country: str, tax_class: str) -> tuple[str, str]:
    if country not in CODES or not re.match(A_TAX_CLASS, tax_class):
        raise NotFound("There is no such country, or no such class of tax.")
    return country, tax_class
