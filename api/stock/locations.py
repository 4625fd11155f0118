"""Stock locations, the warehouses and shops where goods lie, for staff."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.catalogue.admin_schemas import ChangeSchema
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Boolean, Line, Moment
from api.http.paging import a_text, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, roles
from api.pricing.rate_schemas import CODE
from shop.stock import locations
from shop.stock.locations import LocationRow

blp = Blueprint("locations", __name__, description="Where stock lies")


class LocationSchema(Schema):
    """`main` holds all units for which no other location is named."""

    code = fields.String()
    name = fields.String()
    active = fields.Boolean(metadata={"description": "false: nothing more is received or moved there"})
    created_at = Moment()
    updated_at = Moment()


class NewLocationSchema(Schema):
    code = fields.String(required=True, validate=CODE, metadata={"example": "berlin"})
    name = Line(required=True, most=120)
    active = Boolean(load_default=True)


class LocationChangeSchema(ChangeSchema):
    name = Line(most=120)
    active = Boolean()


LOCATION = LocationSchema()


@blp.get("/api/stock/locations")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(LocationSchema))
def list_stock_locations(query: dict[str, Any]) -> dict[str, Any]:
    """List stock locations.

    By code. Staff only.
    """
    after = start(query["cursor"], a_text)
    with db.reading() as session:
        rows = locations.page(session, limit=query["limit"] + 1, after=after)
    return page(rows, query["limit"], lambda row: [row.code])


@blp.post("/api/stock/locations")
@roles(*STAFF)
@blp.arguments(NewLocationSchema)
@blp.response(201, LocationSchema)
@blp.idempotent
def create_stock_location(wish: dict[str, Any]) -> Response:
    """Create a stock location.

    A code that is taken is a 409. Staff only.
    """

    def work(session: Session) -> Answer:
        return LOCATION.dump(locations.add(session, wish)), 201, {"Location": "/api/stock/locations"}

    return run_command(work)


@blp.patch("/api/stock/locations/<code>")
@roles(*STAFF)
@blp.arguments(LocationChangeSchema)
@blp.response(200, LocationSchema)
def update_stock_location(wish: dict[str, Any], code: str) -> LocationRow:
    """Update a stock location.

    A location that is made inactive keeps its units until they are sold or moved; main is always active. Staff only.
    """
    with db.transaction() as session:
        return locations.change(session, code, wish)
