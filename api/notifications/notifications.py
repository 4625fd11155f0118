"""The notifications that the shop has sent."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate

import db
from api.http.blueprint import Blueprint
from api.http.fields import Email, Moment, Shown
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import caller, is_staff, signed_in
from shop.consent.topics import Channel
from shop.notices import history as notification_history
from shop.notifications.outbox import State

blp = Blueprint("notifications", __name__, description="Notifications")


class NotificationSchema(Schema):
    """`status`: queued and sending are under way; sent; refused by the recipient's mail server; suppressed, because the
    address has bounced before; limited, because the address has got as many unrequested mails as it may; outdated,
    because its content no longer applied; failed, because no server accepted it for a long time."""

    id = fields.String()
    event = fields.String(attribute="kind", metadata={"description": "the name of its template"})
    subject_id = fields.String(metadata={"description": "the order, return or account it is about"})
    recipient = Shown(metadata={"description": "an address; of other channels than e-mail, an account"})
    channel = fields.String(metadata={"enum": [*Channel]})
    status = fields.String(attribute="state", metadata={"enum": [*State]})
    attempts = fields.Integer()
    detail = fields.String(allow_none=True, metadata={"description": "what the provider answered last"})
    resend_of = fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class StaffNotificationSchema(NotificationSchema):
    """`asked_by`: the member of staff who sent it, or sent it again. Staff only."""

    asked_by = fields.String(allow_none=True)


class NotificationsQuery(PageQuery):
    """Filters are combined with AND."""

    event = fields.String(load_default=None, validate=validate.Length(1, 60))
    status = fields.String(load_default=None, validate=validate.OneOf([*State]))
    channel = fields.String(load_default=None, validate=validate.OneOf([*Channel]))
    subject_id = fields.UUID(load_default=None, metadata={"description": "an order, return or account"})
    customer = fields.UUID(load_default=None, metadata={"description": "all about this account and its orders"})
    recipient = Email(load_default=None)


@blp.get("/api/notifications")
@signed_in
@blp.arguments(NotificationsQuery, location="query")
@blp.response(200, page_of(StaffNotificationSchema))
def list_notifications(query: dict[str, Any]) -> Response:
    """List notifications.

    Your own, newest first; staff see all.
    """
    limit, before = query.pop("limit"), start(query.pop("cursor"), an_id)
    where = notification_history.conditions(**{name: str(value) for name, value in query.items() if value})
    if not is_staff():
        where.append(notification_history.theirs(caller().id))
    with db.reading() as session:
        rows = notification_history.newest(session, limit=limit + 1, before=before, where=where)
    found = page(rows, limit, lambda row: [row.id])
    schema = StaffNotificationSchema() if is_staff() else NotificationSchema()
    return json_answer({**found, "items": schema.dump(found["items"], many=True)})
