"""Staff send a notification to a customer, resend one that did not arrive, and preview the templates."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import letters
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.fields import Email, Line, Text
from api.http.languages import language
from api.http.schemas import Schema, accepted_with, page_of
from api.http.security import STAFF, caller, roles
from api.notifications.notifications import StaffNotificationSchema
from engine import jobs
from shop.consent.topics import Channel
from shop.kernel.errors import NotFound
from shop.kernel.languages import LANGUAGES
from shop.notices import staff_messages
from shop.notices.staff_messages import TEMPLATES, Wish
from shop.notifications.outbox import NotificationRow

blp = Blueprint("notification_desk", __name__, description="Notifications. Staff only")

CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""The policy of a letter shown as a page: styles are allowed, scripts, forms and requests are not."""

NOTIFICATION = StaffNotificationSchema()


class NotifySchema(Schema):
    """To one of `user_id`, `email` and `order_id`: a `template`, or your own `subject` and `text`.

    With `order_id` only templates about an order are possible, and the order must be as they say (409)."""

    user_id = fields.UUID(load_default=None)
    email = Email(load_default=None)
    order_id = fields.UUID(load_default=None)
    template = fields.String(load_default=None, validate=validate.OneOf(TEMPLATES))
    subject = Line(load_default=None, most=200)
    text = Text(load_default=None, most=10_000)
    channel = fields.String(load_default=Channel.EMAIL, validate=validate.OneOf([*Channel]))
    language = language(load_default=None, allow_none=True)


class LetterTemplateSchema(Schema):
    name = fields.String()
    languages = fields.List(fields.String())
    sendable = fields.Boolean(metadata={"description": "whether staff may send it by name"})


class LetterPreviewQuery(Schema):
    language = language(load_default=LANGUAGES[0])
    format = fields.String(load_default="html", validate=validate.OneOf(["html", "text"]))


@blp.post("/api/notifications")
@roles(*STAFF)
@blp.arguments(NotifySchema)
@blp.response(202, accepted_with(notification=StaffNotificationSchema))
@blp.idempotent
def send_notification(wish: dict[str, Any]) -> Response:
    """Send a notification.

    Send a message to a customer or guest. Not for marketing: the recipient's consent is not checked.
    """
    named = {name: str(wish[name]) for name in ("user_id", "order_id") if wish[name]}
    asked = Wish(by=caller().id, **wish | named)
    return run_command(lambda session: _accepted(session, staff_messages.send(session, asked)))


@blp.post("/api/notifications/<uuid:id>/resend")
@roles(*STAFF)
@blp.response(202, accepted_with(notification=StaffNotificationSchema))
@blp.idempotent
def resend_notification(id: UUID) -> Response:
    """Resend a notification.

    The same once more, as another event, to the recipient's current address. 409 while it is on its way, and when its
    content no longer applies.
    """
    by = caller().id
    return run_command(lambda session: _accepted(session, staff_messages.resend(session, str(id), by)))


@blp.get("/api/notifications/templates")
@roles(*STAFF)
@blp.response(200, page_of(LetterTemplateSchema))
def list_notification_templates() -> dict[str, Any]:
    """List notification templates.

    Every letter that the shop writes; docs/notifications.md tells how to change one.
    """
    known = [{"name": kind, "languages": LANGUAGES, "sendable": kind in TEMPLATES} for kind in letters.SAMPLES]
    return {"items": known, "next": None}


@blp.get("/api/notifications/templates/<name>/preview")
@roles(*STAFF)
@blp.arguments(LetterPreviewQuery, location="query")
@blp.response(200, content_type="text/html", description="The letter with made-up values; `format=text`: as text")
def preview_notification_template(query: dict[str, str], name: str) -> Response:
    """Preview a notification template."""
    if name not in letters.SAMPLES:
        raise NotFound("There is no such template.")
    letter = letters.write(name, letters.SAMPLES[name], query["language"])
    head = {"Content-Security-Policy": CSP}
    if query["format"] == "html":
        return Response(letter.html, mimetype="text/html", headers=head)
    return Response(f"{letter.subject}\n\n{letter.text}", mimetype="text/plain", headers=head)


def _accepted(session: Session, row: NotificationRow) -> Answer:
    job = jobs.latest(session, "notification", [row.id])[row.id]
    return accepted(session, job.id, notification=NOTIFICATION.dump(row))
