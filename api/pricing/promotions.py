"""Promotions: offers that apply by themselves. For staff; docs/prices.md says how they add up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.paging import an_id, start
from api.http.schemas import PageQuery, page_of
from api.http.security import STAFF, roles
from api.pricing.offer_schemas import (
    NewOfferSchema,
    OfferChangeSchema,
    PromotionSchema,
    offer_of,
    offers_page,
    values_of,
)
from shop.pricing import offer_admin

blp = Blueprint("promotions", __name__, description="Promotions. Staff only")

PROMOTION = PromotionSchema()


@blp.get("/api/promotions")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(PromotionSchema))
def list_promotions(query: dict[str, Any]) -> dict[str, Any]:
    """List promotions.

    Newest first.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = offer_admin.listed(session, coupons=False, limit=limit + 1, before=before)
    return offers_page(rows, limit)


@blp.post("/api/promotions")
@roles(*STAFF)
@blp.arguments(NewOfferSchema)
@blp.response(201, PromotionSchema)
@blp.idempotent
def create_promotion(wish: dict[str, Any]) -> Response:
    """Create a promotion."""

    def work(session: Session) -> Answer:
        row = offer_admin.make(session, values_of(wish))
        return PROMOTION.dump(offer_of(row)), 201, {"Location": f"/api/promotions/{row.id}"}

    return run_command(work)


@blp.get("/api/promotions/<uuid:id>")
@roles(*STAFF)
@blp.response(200, PromotionSchema)
def get_promotion(id: UUID) -> Any:
    """Get a promotion."""
    with db.reading() as session:
        return offer_of(offer_admin.promotion(session, str(id)))


@blp.patch("/api/promotions/<uuid:id>")
@roles(*STAFF)
@blp.arguments(OfferChangeSchema)
@blp.response(200, PromotionSchema)
def update_promotion(wish: dict[str, Any], id: UUID) -> Any:
    """Update a promotion.

    Carts have it from the next request on; orders that were placed stay as they are.
    """
    with db.transaction() as session:
        row = offer_admin.promotion(session, str(id), lock=True)
        return offer_of(offer_admin.change(session, row, values_of(wish)))


@blp.delete("/api/promotions/<uuid:id>")
@roles(*STAFF)
@blp.response(204)
def delete_promotion(id: UUID) -> Response:
    """Delete a promotion."""
    with db.transaction() as session:
        offer_admin.remove(session, offer_admin.promotion(session, str(id), lock=True))
    return Response(status=204)
