"""Coupons, for staff: offers that need a code, and count their redemptions."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.paging import an_id, start
from api.http.schemas import PageQuery, page_of
from api.http.security import STAFF, roles
from api.pricing.offer_schemas import (
    CouponChangeSchema,
    CouponSchema,
    NewCouponSchema,
    offer_of,
    offers_page,
    values_of,
)
from shop.pricing import offer_admin

blp = Blueprint("coupons", __name__, description="Coupons. Staff only")

COUPON = CouponSchema()


@blp.get("/api/coupons")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(CouponSchema))
def list_coupons(query: dict[str, Any]) -> dict[str, Any]:
    """List coupons.

    Newest first.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = offer_admin.listed(session, coupons=True, limit=limit + 1, before=before)
    return offers_page(rows, limit)


@blp.post("/api/coupons")
@roles(*STAFF)
@blp.arguments(NewCouponSchema)
@blp.response(201, CouponSchema)
@blp.idempotent
def create_coupon(wish: dict[str, Any]) -> Response:
    """Create a coupon."""

    def work(session: Session) -> Answer:
        row = offer_admin.make(session, values_of(wish))
        return COUPON.dump(offer_of(row)), 201, {"Location": f"/api/coupons/{row.code}"}

    return run_command(work)


@blp.get("/api/coupons/<string:code>")
@roles(*STAFF)
@blp.response(200, CouponSchema)
def get_coupon(code: str) -> Any:
    """Get a coupon."""
    with db.reading() as session:
        return offer_of(offer_admin.coupon(session, code))


@blp.patch("/api/coupons/<string:code>")
@roles(*STAFF)
@blp.arguments(CouponChangeSchema)
@blp.response(200, CouponSchema)
def update_coupon(wish: dict[str, Any], code: str) -> Any:
    """Update a coupon.

    A limit cannot go below the number of redemptions. Orders that were placed stay as they are.
    """
    with db.transaction() as session:
        row = offer_admin.coupon(session, code, lock=True)
        return offer_of(offer_admin.change(session, row, values_of(wish)))


@blp.delete("/api/coupons/<string:code>")
@roles(*STAFF)
@blp.response(204)
def delete_coupon(code: str) -> Response:
    """Delete a coupon."""
    with db.transaction() as session:
        offer_admin.remove(session, offer_admin.coupon(session, code, lock=True))
    return Response(status=204)
