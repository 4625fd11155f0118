"""Edit products and variants, for staff. If-Match names the version that an edit was made from."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.catalogue.admin_schemas import NewProductSchema, NewVariantSchema, ProductChangeSchema, VariantChangeSchema
from api.catalogue.product_schemas import ProductSchema, tagged_product
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.etags import if_match, must_match, must_match_if_said
from api.http.security import STAFF, roles
from shop.catalogue import products
from shop.catalogue.tables import ProductRow
from shop.search import products as product_search
from shop.stock import backorders

blp = Blueprint("products_admin", __name__, description="The catalogue, for staff")


@blp.post("/api/products")
@roles(*STAFF)
@blp.arguments(NewProductSchema)
@blp.response(201, ProductSchema)
@blp.idempotent
def create_product(wish: dict[str, Any]) -> Response:
    """Create a product.

    With its variants, if you like. A slug or a SKU that is taken is a 409. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.create(session, **wish)
        backorders.set_terms(session, wish.get("variants", ()))
        return _told(session, product, 201)

    return run_command(work)


@blp.patch("/api/products/<string:id>")
@roles(*STAFF)
@if_match(required=True)
@blp.arguments(ProductChangeSchema)
@blp.response(200, ProductSchema)
@blp.idempotent
def update_product(wish: dict[str, Any], id: str) -> Response:
    """Update a product.

    Without If-Match it is a 428, with an older version a 412. `status` archives or restores the product. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.hold(session, id)
        must_match(product.version)
        products.edit(session, product, wish)
        return _told(session, product)

    return run_command(work)


@blp.delete("/api/products/<string:id>")
@roles(*STAFF)
@if_match(required=True)
@blp.response(204)
@blp.idempotent
def archive_product(id: str) -> Response:
    """Archive a product.

    It is no longer found or sold; orders stay as they are. `PATCH` with `status` restores it. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.hold(session, id)
        must_match(product.version)
        products.archive(session, product)
        _, _, headers = _told(session, product)
        return None, 204, headers

    return run_command(work)


@blp.post("/api/products/<string:id>/variants")
@roles(*STAFF)
@if_match(required=False)
@blp.arguments(NewVariantSchema)
@blp.response(201, ProductSchema)
@blp.idempotent
def create_variant(wish: dict[str, Any], id: str) -> Response:
    """Create a variant.

    Answers the whole product. A SKU that is taken, by any product, is a 409. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.hold(session, id)
        must_match_if_said(product.version)
        products.add_variant(session, product, wish)
        backorders.set_terms(session, [wish])
        return _told(session, product, 201)

    return run_command(work)


@blp.patch("/api/products/<string:id>/variants/<string:sku>")
@roles(*STAFF)
@if_match(required=False)
@blp.arguments(VariantChangeSchema)
@blp.response(200, ProductSchema)
@blp.idempotent
def update_variant(wish: dict[str, Any], id: str, sku: str) -> Response:
    """Update a variant.

    Answers the whole product. `active` says whether the variant is sold. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.hold(session, id)
        must_match_if_said(product.version)
        products.edit_variant(session, product, sku, wish)
        backorders.set_terms(session, [{**wish, "sku": sku}])
        return _told(session, product)

    return run_command(work)


@blp.delete("/api/products/<string:id>/variants/<string:sku>")
@roles(*STAFF)
@if_match(required=False)
@blp.response(204)
@blp.idempotent
def retire_variant(id: str, sku: str) -> Response:
    """Retire a variant.

    It is no longer sold; its SKU stays taken. Staff only.
    """

    def work(session: Session) -> Answer:
        product = products.hold(session, id)
        must_match_if_said(product.version)
        products.retire_variant(session, product, sku)
        return None, 204, {}

    return run_command(work)


def _told(session: Session, product: ProductRow, status: int = 200) -> Answer:
    body, tag = tagged_product(product_search.shown(session, product))
    where = {"Location": f"/api/products/{product.id}"} if status == 201 else {}
    return body, status, {"ETag": tag, **where}
