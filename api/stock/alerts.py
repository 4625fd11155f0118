"""Stock alerts: customers subscribe to a mail for when a SKU is in stock again."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Line, Moment
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import caller, signed_in
from shop.consent import eligibility
from shop.consent.topics import Topic
from shop.kernel.skus import SKU_LENGTH
from shop.stock import alert_subscriptions
from shop.stock.alerts import StockAlertRow

blp = Blueprint("stock alerts", __name__, description="To be told when something is in stock again")


class NewStockAlertSchema(Schema):
    sku = Line(required=True, most=SKU_LENGTH)


class StockAlertSchema(Schema):
    sku = fields.String()
    created_at = Moment()
    reachable = fields.Boolean(
        metadata={
            "description": "whether a mail would leave now: the address is confirmed, on no suppression list, and the "
            "topic `back_in_stock` by e-mail is on in the preferences"
        }
    )


@blp.get("/api/users/me/stock-alerts")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(StockAlertSchema))
def list_stock_alerts(query: dict[str, Any]) -> dict[str, Any]:
    """List your stock alerts.

    Newest first. Alerts whose mail was sent are used up and not listed.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        rows = alert_subscriptions.of(session, caller().id, limit=query["limit"] + 1, before=before)
        reachable = _reachable(session)
    found = page(rows, query["limit"], lambda row: [row.id])
    return {**found, "items": [_told(row, reachable) for row in found["items"]]}


@blp.post("/api/users/me/stock-alerts")
@signed_in
@blp.arguments(NewStockAlertSchema)
@blp.response(201, StockAlertSchema)
@blp.alt_response(200, schema=StockAlertSchema, success=True)
@blp.idempotent
def create_stock_alert(wish: dict[str, Any]) -> Response:
    """Subscribe to a SKU's return to stock.

    One mail is sent when it is in stock again, then the alert is used up. 200 if you are subscribed already, 409
    `in_stock` if it can be ordered now.
    """

    def work(session: Session) -> Answer:
        row, new = alert_subscriptions.subscribe(session, caller().id, wish["sku"])
        return StockAlertSchema().dump(_told(row, _reachable(session))), 201 if new else 200, {}

    return run_command(work)


@blp.delete("/api/users/me/stock-alerts/<string:sku>")
@signed_in
@blp.response(204)
def delete_stock_alert(sku: str) -> Response:
    """Unsubscribe from a SKU's return to stock."""
    with db.transaction() as session:
        alert_subscriptions.unsubscribe(session, caller().id, sku)
    return Response(status=204)


def _reachable(session: Session) -> bool:
    return eligibility.may_send(session, caller().id, Topic.BACK_IN_STOCK)


def _told(row: StockAlertRow, reachable: bool) -> dict[str, Any]:
    return {"sku": row.sku, "created_at": row.created_at, "reachable": reachable}
