"""Stock levels, which are public, and the stock ledger, which staff keep."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Integer, Line, Moment, QueryBoolean
from api.http.paging import a_text, an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, caller, roles
from shop.kernel.errors import Invalid
from shop.stock import adjustments, availability_events
from shop.stock import tables as stock_tables
from shop.stock.availability_events import AvailabilityEvent
from shop.stock.locations import CODE_LENGTH, MAIN
from shop.stock.tables import MOST_ON_HAND, Kind, StockRow

blp = Blueprint("stock", __name__, description="Stock and its ledger")


class ShelfSchema(Schema):
    code = fields.String()
    on_hand = Integer()


class StockSchema(Schema):
    sku = fields.String()
    on_hand = Integer()
    reserved = Integer()
    available = fields.Function(lambda row: row.on_hand - row.reserved, metadata={"type": "integer"})
    backordered = Integer(metadata={"description": "ordered, and not come in yet"})
    locations = fields.List(fields.Nested(ShelfSchema), metadata={"description": "they add up to `on_hand`"})


class MovementSchema(Schema):
    """`quantity` is signed: by how much it changed the units on hand."""

    id = fields.String()
    sku = fields.String()
    kind = fields.String(metadata={"enum": [*Kind]})
    quantity = Integer()
    reason = fields.String()
    order_id = fields.String(allow_none=True)
    actor_id = fields.String(allow_none=True)
    location = fields.String()
    at = Moment()


class MoveSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf([Kind.RECEIVE, Kind.ADJUST, Kind.TRANSFER]))
    quantity = Integer(required=True, least=-MOST_ON_HAND, most=MOST_ON_HAND)
    reason = Line(least=0, most=500, load_default="")
    location = Line(most=CODE_LENGTH, load_default=MAIN)
    to = Line(most=CODE_LENGTH, metadata={"description": "of a transfer: where they went from `location`"})

    @validates_schema
    def _goes_somewhere(self, wish: dict[str, Any], **_: Any) -> None:
        if ("to" in wish) != (wish["kind"] == Kind.TRANSFER):
            raise ValidationError("Of a transfer, and only there.", "to")


class WatchedStockSchema(StockSchema):
    low_at = Integer(allow_none=True, metadata={"description": "so many left are few"})


class StockQuery(PageQuery):
    low = QueryBoolean(load_default=None, metadata={"description": "no more left than `low_at`"})


class WatchSchema(Schema):
    low_at = Integer(required=True, allow_none=True, least=0, most=MOST_ON_HAND)


class StockEventSchema(Schema):
    """`available` is the number of units left afterwards."""

    id = fields.String()
    sku = fields.String()
    kind = fields.String(metadata={"enum": [*AvailabilityEvent]})
    available = Integer()
    at = Moment()


@blp.get("/api/stock")
@roles(*STAFF)
@blp.arguments(StockQuery, location="query")
@blp.response(200, page_of(WatchedStockSchema))
def list_stock_levels(query: dict[str, Any]) -> dict[str, Any]:
    """List stock levels.

    By SKU, of every SKU that was ever received or is watched. Staff only.
    """
    after = start(query["cursor"], a_text)
    with db.reading() as session:
        rows = stock_tables.levels(session, limit=query["limit"] + 1, after=after, low=query["low"])
    return page(rows, query["limit"], lambda row: [row.sku])


@blp.get("/api/stock/<string:sku>")
@blp.response(200, StockSchema)
def get_stock_level(sku: str) -> StockRow:
    """Get a SKU's stock level.

    Public, in all its parts.
    """
    with db.reading() as session:
        return stock_tables.level(session, sku)


@blp.get("/api/stock/<string:sku>/movements")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(MovementSchema))
def list_stock_movements(query: dict[str, Any], sku: str) -> dict[str, Any]:
    """List a SKU's stock movements.

    The ledger of one SKU, newest first. Staff only.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        stock_tables.level(session, sku)
        rows = stock_tables.movements(session, sku, limit=query["limit"] + 1, before=before)
    return page(rows, query["limit"], lambda row: [row.id])


@blp.post("/api/stock/<string:sku>/movements")
@roles(*STAFF)
@blp.arguments(MoveSchema)
@blp.response(201, StockSchema)
@blp.idempotent
def move_stock(wish: dict[str, Any], sku: str) -> Response:
    """Record a stock movement.

    Goods came in, the count was wrong, or they went to another location. Answers the new stock level. Staff only.
    """

    def work(session: Session) -> Answer:
        return StockSchema().dump(_move(session, sku, **wish)), 201, {"Location": f"/api/stock/{sku}/movements"}

    return run_command(work)


@blp.patch("/api/stock/<string:sku>")
@roles(*STAFF)
@blp.arguments(WatchSchema)
@blp.response(200, WatchedStockSchema)
def set_low_stock_threshold(wish: dict[str, Any], sku: str) -> StockRow:
    """Set a SKU's low-stock threshold.

    From now on a `low_stock` event is written when no more than `low_at` are left; null turns it off. Staff only.
    """
    with db.transaction() as session:
        return adjustments.watch(session, sku, wish["low_at"])


@blp.get("/api/stock/<string:sku>/events")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(StockEventSchema))
def list_stock_events(query: dict[str, Any], sku: str) -> dict[str, Any]:
    """List a SKU's stock events.

    When it ran low and when it was back in stock, newest first. Staff only.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        stock_tables.level(session, sku)
        rows = availability_events.of(session, sku, limit=query["limit"] + 1, before=before)
    return page(rows, query["limit"], lambda row: [row.id])


def _move(session: Session, sku: str, kind: str, reason: str, **wish: Any) -> StockRow:
    if kind == Kind.RECEIVE:
        return adjustments.receive(session, sku, reason=reason, actor_id=caller().id, **wish)
    if kind == Kind.TRANSFER:
        return adjustments.transfer(session, sku, reason=reason, actor_id=caller().id, **wish)
    if not reason:
        raise Invalid({"reason": ["Say why the count was wrong."]})
    return adjustments.adjust(session, sku, reason=reason, actor_id=caller().id, **wish)
