"""The tree of categories: public to read, edited by staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
from api.catalogue import cache as catalogue_cache
from api.catalogue.admin_schemas import CategoryChangeSchema, NewCategorySchema
from api.catalogue.product_schemas import CategorySchema
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.etags import conditional
from api.http.paging import a_text, page, start
from api.http.schemas import PageQuery, page_of
from api.http.security import STAFF, roles
from shop.catalogue import categories
from shop.search import products as product_search

CATEGORY, PAGE = CategorySchema(), page_of(CategorySchema)()

blp = Blueprint("categories", __name__, description="The catalogue: categories")


@blp.get("/api/categories")
@conditional
@blp.arguments(PageQuery, location="query")
@blp.response(200, PAGE)
def list_categories(query: dict[str, Any]) -> Response:
    """List categories.

    By path: each one right after its parent.
    """
    return catalogue_cache.many("categories", query, lambda: _page(**query))


def _page(limit: int, cursor: str | None) -> Any:
    after = start(cursor, a_text)
    with db.reading() as session:
        rows = product_search.categories(session, limit=limit + 1, after=after)
    return PAGE.dump(page(rows, limit, lambda row: [row.path]))


@blp.get("/api/categories/<uuid:id>")
@conditional
@blp.response(200, CategorySchema)
def get_category(id: UUID) -> Response:
    """Get a category."""
    return catalogue_cache.many("category", {"id": str(id)}, lambda: _one(str(id)))


def _one(id: str) -> Any:
    with db.reading() as session:
        return CATEGORY.dump(product_search.category(session, id))


@blp.post("/api/categories")
@roles(*STAFF)
@blp.arguments(NewCategorySchema)
@blp.response(201, CategorySchema)
@blp.idempotent
def create_category(wish: dict[str, Any]) -> Response:
    """Create a category.

    Its parent must be there already. A path that is taken is a 409. Staff only.
    """

    def work(session: Session) -> Answer:
        row = categories.create(session, **wish)
        return CATEGORY.dump(row), 201, {"Location": f"/api/categories/{row.id}"}

    return run_command(work)


@blp.patch("/api/categories/<uuid:id>")
@roles(*STAFF)
@blp.arguments(CategoryChangeSchema)
@blp.response(200, CategorySchema)
@blp.idempotent
def update_category(wish: dict[str, Any], id: UUID) -> Response:
    """Update a category.

    With another `path` it moves, with everything below it. Staff only.
    """

    def work(session: Session) -> Answer:
        return CATEGORY.dump(categories.edit(session, str(id), **wish)), 200, {}

    return run_command(work)


@blp.delete("/api/categories/<uuid:id>")
@roles(*STAFF)
@blp.response(204)
def delete_category(id: UUID) -> Response:
    """Delete a category.

    Only an empty one: with products or categories in it, it is a 409. Staff only.
    """
    with db.transaction() as session:
        categories.delete(session, str(id))
    return Response(status=204)
