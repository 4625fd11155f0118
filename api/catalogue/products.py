"""Search and read products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

import db
from api.catalogue import cache as catalogue_cache
from api.catalogue.product_schemas import (
    CurrencyQuery,
    FoundSchema,
    ProductSchema,
    SearchQuery,
    facets_of,
    product_of,
    tagged_product,
)
from api.http.blueprint import Blueprint
from api.http.etags import conditional
from api.http.json_answers import json_answer
from api.http.paging import a_text, an_id, an_integer, page, position
from api.http.security import BEARER, STAFF, must_be
from shop.catalogue import option_index
from shop.search import products as product_search
from shop.search.facets import facets
from shop.search.query import Search

blp = Blueprint("products", __name__, description="The catalogue")

FOUND = FoundSchema()
KEYS = {"name": (a_text, an_id), "price": (an_integer, an_id), "newest": (an_id,), "relevance": (an_integer, an_id)}


@blp.get("/api/products")
@conditional
@blp.arguments(SearchQuery, location="query")
@blp.response(200, FoundSchema)
@blp.doc(security=[{}, *BEARER])
def list_products(query: dict[str, Any]) -> Response:
    """Search and list products.

    Every word of `q` must begin a word of the product, or nearly so if nothing else is found. `facets` count all
    matches.
    """
    if query["status"] == "active":
        return catalogue_cache.many("products", query, lambda: _found(**query))
    must_be(*STAFF)
    return json_answer(_found(**query))


def _found(
    *, limit: int, cursor: str | None, sort: str | None, q: str | None, option: Sequence[str], **more: Any
) -> Any:
    sort = sort or ("relevance" if q else "newest")
    wanted = Search(q=q, sort=sort, options=option_index.asked(option), **more)
    after = position(cursor, *KEYS[wanted.by])
    with db.reading() as session:
        hits = product_search.find(session, wanted, limit=limit + 1, after=after)
        counts = facets(session, wanted)
    found = page(hits, limit, lambda hit: product_search.key_of(wanted, hit))
    shown = {
        **found,
        "items": [product_of(hit, wanted.currency) for hit in found["items"]],
        "facets": facets_of(counts),
    }
    return FOUND.dump(shown)


@blp.get("/api/products/<string:id>")
@conditional
@blp.arguments(CurrencyQuery, location="query")
@blp.response(200, ProductSchema)
def get_product(query: dict[str, Any], id: str) -> Response:
    """Get a product.

    By id or by slug. An edit sends its ETag as If-Match.
    """
    currency = query["currency"]
    return catalogue_cache.product(id, currency, lambda: _read(id, currency))


def _read(id: str, currency: str) -> tuple[dict[str, Any], str]:
    with db.reading() as session:
        return tagged_product(product_search.one(session, id), currency)
