"""Webhook endpoints: the receivers of the shop's domain events. docs/webhooks.md tells them what is delivered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from flask import Response
from sqlalchemy.orm import Session

import db
import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, accepted_with, page_of
from api.http.security import caller, roles
from api.webhooks.schemas import (
    DeliverySchema,
    EndpointChangeSchema,
    EndpointSchema,
    NewEndpointSchema,
    NewlySecretSchema,
    delivery_of,
)
from shop.webhooks import deliveries
from shop.webhooks import endpoints as webhook_endpoints
from workflows import deliver_webhook

blp = Blueprint("webhook_endpoints", __name__, description="Outgoing webhooks. Administrators only")
log = structlog.get_logger("audit")

ENDPOINT, WITH_SECRET = EndpointSchema(), NewlySecretSchema()


@blp.get("/api/webhook-endpoints")
@roles("admin")
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(EndpointSchema))
def list_webhook_endpoints(query: dict[str, Any]) -> dict[str, Any]:
    """List webhook endpoints.

    Newest first.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = webhook_endpoints.listed(session, limit=limit + 1, before=before)
    return page(rows, limit, lambda row: [row.id])


@blp.post("/api/webhook-endpoints")
@roles("admin")
@blp.arguments(NewEndpointSchema)
@blp.response(201, NewlySecretSchema)
def create_webhook_endpoint(wish: dict[str, Any]) -> Response:
    """Create a webhook endpoint.

    It receives the events that happen from now on. The answer holds the secret, which is not shown again.
    """
    with db.transaction() as session:
        row = webhook_endpoints.make(session, wish, by=caller().id)
    log.info("operator", action="webhook endpoint made", endpoint=row.id, by=caller().id)
    where = {"Location": f"/api/webhook-endpoints/{row.id}"}
    return json_answer(WITH_SECRET.dump(row), 201, headers=where)


@blp.get("/api/webhook-endpoints/<uuid:id>")
@roles("admin")
@blp.response(200, EndpointSchema)
def get_webhook_endpoint(id: UUID) -> Any:
    """Get a webhook endpoint."""
    with db.reading() as session:
        return webhook_endpoints.get(session, str(id))


@blp.patch("/api/webhook-endpoints/<uuid:id>")
@roles("admin")
@blp.arguments(EndpointChangeSchema)
@blp.response(200, NewlySecretSchema)
def update_webhook_endpoint(wish: dict[str, Any], id: UUID) -> Response:
    """Update a webhook endpoint.

    With `rotate_secret` the answer holds a new secret; for a day the old one signs as well.
    """
    with db.transaction() as session:
        row = webhook_endpoints.change(session, webhook_endpoints.get(session, str(id), lock=True), wish)
    log.info("operator", action="webhook endpoint changed", endpoint=row.id, fields=sorted(wish), by=caller().id)
    return json_answer((WITH_SECRET if wish.get("rotate_secret") else ENDPOINT).dump(row))


@blp.delete("/api/webhook-endpoints/<uuid:id>")
@roles("admin")
@blp.response(204)
def delete_webhook_endpoint(id: UUID) -> Response:
    """Delete a webhook endpoint.

    With its log. Deliveries on their way are not sent any more.
    """
    with db.transaction() as session:
        webhook_endpoints.remove(session, webhook_endpoints.get(session, str(id), lock=True))
    log.info("operator", action="webhook endpoint removed", endpoint=str(id), by=caller().id)
    return Response(status=204)


@blp.get("/api/webhook-endpoints/<uuid:id>/deliveries")
@roles("admin")
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(DeliverySchema))
def list_webhook_deliveries(query: dict[str, Any], id: UUID) -> dict[str, Any]:
    """List a webhook endpoint's deliveries.

    Newest first, each with the result of its last attempt; kept for a month.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        endpoint = webhook_endpoints.get(session, str(id))
        rows = deliveries.listed(session, endpoint.id, limit=limit + 1, before=before)
    return page([delivery_of(*row) for row in rows], limit, lambda delivery: [delivery["id"]])


@blp.post("/api/webhook-endpoints/<uuid:id>/deliveries/<uuid:did>/replay")
@roles("admin")
@blp.response(202, accepted_with(delivery=DeliverySchema))
@blp.idempotent
def replay_webhook_delivery(id: UUID, did: UUID) -> Response:
    """Replay a webhook delivery.

    Send it once more, under the same webhook-id, for up to a day. 409 while it is on its way.
    """

    def work(session: Session) -> Answer:
        endpoint = webhook_endpoints.get(session, str(id))
        row, happening = deliveries.replay(session, endpoint, str(did))
        key, about = f"{row.id}:{row.replays}", ("delivery", row.id)
        run = engine.start(session, deliver_webhook, key=key, subject=about, by=caller().id)
        log.info("operator", action="webhook replayed", delivery=row.id, by=caller().id)
        return accepted(session, run.id, delivery=DeliverySchema().dump(delivery_of(row, happening)))

    return run_command(work)
