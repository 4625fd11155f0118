"""Provider events: receive and list them. An event is a reason to fetch the charge again, never a fact to act upon."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response, request
from marshmallow import fields
from sqlalchemy.orm import Session

import db
import engine
import gateways.payments as gateway
from api.http import strict_json
from api.http.blueprint import Blueprint
from api.http.fields import Moment
from api.http.json_answers import json_answer
from api.http.paging import a_moment, a_text, page, position
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, roles
from config import settings
from gateways.payments import BadSignature, Event
from shop.kernel.errors import NotFound, Refusal
from shop.payments import provider_events
from shop.payments.payments import PaymentRow
from shop.payments.provider_events import Problem, Told
from workflows import receive_transfers, verify_payment

log = structlog.get_logger("webhooks")

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
def receive_provider_event(provider: str) -> dict[str, object]:
    """Receive a payment provider's event.

    Signed by the provider. The event is stored and wakes the jobs that wait for it; each event does so once.
    """
    if provider != settings().payment_provider:
        raise NotFound("There is no such provider.")
    body = request.get_data()
    event, payload = _verified(body), strict_json.parse(body)
    told = _told(provider, event)
    take = _take_transfer if event.about == "transfer" else _take
    fresh = db.in_transaction(lambda session: take(session, told, payload))
    return {"received": event.id, "repeated": not fresh}


def _told(provider: str, event: Event) -> Told:
    money = (event.status, event.amount, event.currency)
    return Told(provider, event.id, event.type, event.provider_id, str(event.reference), *money)


def _verified(body: bytes) -> Event:
    """Return the event of a signed body; raise NotTheProvider for a bad signature or an unusable id."""
    try:
        event = gateway.payments().verify_webhook(dict(request.headers), body)
    except BadSignature as error:
        raise NotTheProvider(f"This is not an event of the provider: {error}.") from error
    if not all(isinstance(text, str) and text for text in (event.id, event.type)) or len(event.id) > LONGEST_ID:
        raise NotTheProvider("The event has no usable id.")
    return event


def _take(session: Session, told: Told, payload: dict[str, Any]) -> bool:
    """Store the event and handle it if its payment is known. Returns False for one that was stored before."""
    if not provider_events.store(session, told, payload):
        return False
    payment = provider_events.payment_of(session, told.provider, told.provider_id, told.reference)
    if payment:
        problem = provider_events.judge(session, told, payment)
        _react(session, told, payment, problem)
        provider_events.handled(session, told.provider, told.id, payment.order_id, problem)
    return True


def _take_transfer(session: Session, told: Told, payload: dict[str, Any]) -> bool:
    """Store the event and start a run that fetches the transfer. Returns False for one that was stored before."""
    fresh = provider_events.store(session, told, payload)
    if fresh:
        key, about = f"{told.provider}:{told.id}", ("transfer", told.provider_id)
        engine.start(session, receive_transfers, key=key, subject=about, input={"transfer": told.provider_id})
        provider_events.handled(session, told.provider, told.id, None, None)
    return fresh


def _react(session: Session, told: Told, payment: PaymentRow, problem: Problem | None) -> None:
    """Wake the runs of the order, which then ask the provider.

    For money that came too late or was given back, a `verify_payment` run asks the provider, and refunds what is due.
    """
    if problem:
        log.warning("webhook", problem=problem, id=told.id, order=payment.order_id)
    engine.wake_about(session, ("order", payment.order_id))
    if problem == Problem.TOO_LATE or told.type.startswith(GIVEN_BACK):
        key, about = f"{told.provider}:{told.id}", ("order", payment.order_id)
        engine.start(session, verify_payment, key=key, subject=about, input={"payment": payment.id})


GIVEN_BACK = ("charge.refund", "charge.dispute", "refund.")
"""Types of events about money given back, by the shop or at the provider; the provider is then asked how much."""


class EventSchema(Schema):
    """A provider event. `problem`: why staff may want to look at it."""

    id = fields.String(attribute="event_id")
    provider = fields.String()
    type = fields.String()
    provider_id = fields.String(metadata={"description": "of the charge, or of the transfer"})
    reference = fields.String()
    problem = fields.String(allow_none=True, metadata={"enum": [*Problem, None]})
    order_id = fields.String(allow_none=True)
    received_at = Moment()
    handled_at = Moment(allow_none=True)


class EventsQuery(PageQuery):
    problem = fields.Enum(Problem, by_value=True, load_default=None)


EVENT = EventSchema()


@blp.get("/api/webhooks/events")
@roles(*STAFF)
@blp.arguments(EventsQuery, location="query")
@blp.response(200, page_of(EventSchema))
def list_provider_events(query: dict[str, Any]) -> Response:
    """List payment providers' events.

    Newest first. Staff only.
    """
    before = position(query["cursor"], a_moment, a_text)
    with db.reading() as session:
        rows = provider_events.newest(session, limit=query["limit"] + 1, problem=query["problem"], before=before)
    found = page(rows, query["limit"], lambda row: [row.received_at, row.event_id])
    return json_answer({**found, "items": EVENT.dump(found["items"], many=True)})
