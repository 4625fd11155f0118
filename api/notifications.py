"""What the shop has told people."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

import db
from api.blueprint import Blueprint
from api.fields import Moment
from api.guests import is_staff
from api.paging import an_id, page, start
from api.schemas import PageQuery, Schema, page_of
from api.security import caller, signed_in
from shop import notifications

blp = Blueprint("notifications", __name__, description="Notifications")


class NotificationSchema(Schema):
    """`status`: sending, sent, or refused by the recipient's mail server."""

    id = fields.String()
    event = fields.String()
    subject_id = fields.String(metadata={"description": "the order or account it is about"})
    recipient = fields.String()
    channel = fields.String()
    status = fields.String(attribute="state", metadata={"enum": ["sending", "sent", "refused"]})
    detail = fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


@blp.get("/api/notifications")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(NotificationSchema))
def all_of_them(query: dict[str, Any]) -> dict[str, Any]:
    """One's own, newest first; staff see everybody's."""
    before = start(query["cursor"], an_id)
    whose = None if is_staff() else caller().id
    with db.reading() as session:
        rows = notifications.of_customer(session, whose, limit=query["limit"] + 1, before=before)
    return page(rows, query["limit"], lambda row: [row.id])
