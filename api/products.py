"""Looking for things to buy."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import db
from api.blueprint import Blueprint
from api.etags import conditional
from api.paging import a_text, an_id, an_integer, page, position
from api.product_schemas import CategorySchema, FoundSchema, ProductSchema, SearchQuery, facets_of, product_of
from api.schemas import PageQuery, page_of
from shop import catalogue, search
from shop.search import Search

blp = Blueprint("products", __name__, description="The catalogue")

KEYS = {"name": (a_text, an_id), "price": (an_integer, an_id), "newest": (an_id,)}


@blp.get("/api/products")
@conditional
@blp.arguments(SearchQuery, location="query")
@blp.response(200, FoundSchema)
def find(query: dict[str, Any]) -> dict[str, Any]:
    """Every word of `q` must be in the name, the description or a SKU. `facets` count all that was found."""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    wanted = Search(**query)
    after = position(cursor, *KEYS[wanted.sort.removeprefix("-")])
    with db.reading() as session:
        hits = search.find(session, wanted, limit=limit + 1, after=after)
        facets = search.facets(session, wanted)
    found = page(hits, limit, lambda hit: search.key_of(wanted, hit))
    return {**found, "items": [product_of(hit) for hit in found["items"]], "facets": facets_of(facets)}


@blp.get("/api/products/<string:id>")
@conditional
@blp.response(200, ProductSchema)
def one(id: str) -> dict[str, Any]:
    """By id or by slug."""
    with db.reading() as session:
        return product_of(search.one(session, id))


@blp.get("/api/categories")
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(CategorySchema))
def categories(query: dict[str, Any]) -> dict[str, Any]:
    """By path: each one right after the one it is in."""
    after = position(query["cursor"], a_text)
    with db.reading() as session:
        rows = search.categories(session, limit=query["limit"] + 1, after=after[0] if after else None)
    return page(rows, query["limit"], lambda row: [row.path])


@blp.get("/api/categories/<uuid:id>")
@blp.response(200, CategorySchema)
def category(id: UUID) -> catalogue.CategoryRow:
    with db.reading() as session:
        return search.category(session, str(id))
