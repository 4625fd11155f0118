"""What is on the shelf: anybody may see how much, staff keep the ledger."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.blueprint import Blueprint
from api.commands import Answer, run_command
from api.fields import Integer, Line, Moment
from api.paging import an_id, page, position
from api.schemas import PageQuery, Schema, page_of
from api.security import caller, roles
from shop import stock
from shop.errors import Invalid
from shop.stock import MOST_ON_HAND, Kind, StockRow

blp = Blueprint("stock", __name__, description="Stock and its ledger")


class StockSchema(Schema):
    sku = fields.String()
    on_hand = Integer()
    reserved = Integer()
    available = fields.Function(lambda row: row.on_hand - row.reserved, metadata={"type": "integer"})


class MovementSchema(Schema):
    """`quantity` is signed: what it added to what is on hand."""

    id = fields.String()
    sku = fields.String()
    kind = fields.String(metadata={"enum": [*Kind]})
    quantity = Integer()
    reason = fields.String()
    order_id = fields.String(allow_none=True)
    actor_id = fields.String(allow_none=True)
    at = Moment()


class MoveSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf([Kind.RECEIVE, Kind.ADJUST]))
    quantity = Integer(required=True, least=-MOST_ON_HAND, most=MOST_ON_HAND)
    reason = Line(least=0, most=500, load_default="")


@blp.get("/api/stock/<string:sku>")
@blp.response(200, StockSchema)
def level(sku: str) -> StockRow:
    """Everybody sees all four fields."""
    with db.reading() as session:
        return stock.level(session, sku)


@blp.get("/api/stock/<string:sku>/movements")
@roles("staff", "admin")
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(MovementSchema))
def movements(query: dict[str, Any], sku: str) -> dict[str, Any]:
    """The ledger of one SKU, newest first. Staff only."""
    before = position(query["cursor"], an_id)
    with db.reading() as session:
        stock.level(session, sku)
        rows = stock.movements(session, sku, limit=query["limit"] + 1, before=before[0] if before else None)
    return page(rows, query["limit"], lambda row: [row.id])


@blp.post("/api/stock/<string:sku>/movements")
@roles("staff", "admin")
@blp.arguments(MoveSchema)
@blp.response(201, StockSchema)
@blp.idempotent
def move(wish: dict[str, Any], sku: str) -> Response:
    """Goods came in, or the count was wrong. Answers how much there is then. Staff only."""

    def work(session: Session) -> Answer:
        return StockSchema().dump(_move(session, sku, **wish)), 201, {"Location": f"/api/stock/{sku}/movements"}

    return run_command(work)


def _move(session: Session, sku: str, kind: str, quantity: int, reason: str) -> StockRow:
    if kind == Kind.RECEIVE:
        return stock.receive(session, sku, quantity, reason, caller().id)
    if not reason:
        raise Invalid({"reason": ["Say why the count was wrong."]})
    return stock.adjust(session, sku, quantity, reason, caller().id)
