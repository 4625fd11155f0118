"""What payment providers tell us. An event is a reason to look at the charge again, never a fact to act upon."""

from __future__ import annotations

from typing import Any

from flask import request
from marshmallow import fields
from sqlalchemy.orm import Session

import db
import engine
import gateways.payments as gateway
from api import strict_json
from api.blueprint import Blueprint
from api.schemas import Schema
from config import settings
from gateways.payments import BadSignature, Event
from shop import webhook_events
from shop.errors import NotFound, Refusal

blp = Blueprint("webhooks", __name__, description="Webhooks of payment providers")

BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
LONGEST_ID = 255


class NotTheProvider(Refusal):
    status, code, title = 400, "bad_signature", "Bad signature"


class ReceivedSchema(Schema):
    received = fields.String(metadata={"description": "the event's id"})
    repeated = fields.Boolean(metadata={"description": "it was here before"})


@blp.post("/api/webhooks/payments/<string:provider>")
@blp.doc(requestBody=BODY)
@blp.response(200, ReceivedSchema)
def receive(provider: str) -> dict[str, object]:
    """Signed by the provider. The event is kept and wakes whatever waits for it; each event does so once."""
    if provider != settings().payment_provider:
        raise NotFound("There is no such provider.")
    body = request.get_data()
    event, payload = _verified(body), strict_json.parse(body)
    fresh = db.in_transaction(lambda session: _take(session, provider, event, payload))
    return {"received": event.id, "repeated": not fresh}


def _verified(body: bytes) -> Event:
    try:
        event = gateway.payments().verify_webhook(dict(request.headers), body)
    except BadSignature as error:
        raise NotTheProvider(f"This is not an event of the provider: {error}.") from error
    if not all(isinstance(text, str) and text for text in (event.id, event.type)) or len(event.id) > LONGEST_ID:
        raise NotTheProvider("The event has no usable id.")
    return event


def _take(session: Session, provider: str, event: Event, payload: dict[str, Any]) -> bool:
    if not webhook_events.store(session, provider, event.id, event.type[:80], payload):
        return False
    order = webhook_events.order_of(session, provider, event.provider_id, str(event.reference))
    if order:
        engine.wake(session, engine.live_runs(session, ("order", order)))
        webhook_events.handled(session, provider, event.id, order)
    return True
