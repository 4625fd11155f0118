"""The open sessions of the caller's account: list them, end one from another device."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

import db
from api.http.blueprint import Blueprint
from api.http.fields import Moment
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import caller, signed_in
from shop.accounts import sessions_of_user

blp = Blueprint("sessions", __name__, description="Where you are signed in")


class SessionSchema(Schema):
    id = fields.String()
    device = fields.String(allow_none=True, metadata={"description": "what it called itself when it signed in"})
    current = fields.Boolean(metadata={"description": "the one that asks"})
    created_at = Moment()
    last_used_at = Moment(metadata={"description": "when it last renewed its tokens"})
    expires_at = Moment()


@blp.get("/api/auth/sessions")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(SessionSchema))
def list_sessions(query: dict[str, Any]) -> dict[str, Any]:
    """List open sessions.

    Newest first.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        rows = sessions_of_user.newest(session, caller().id, limit=query["limit"] + 1, before=before)
    found = page(rows, query["limit"], lambda row: [row.id])
    return {**found, "items": [_told(row) for row in found["items"]]}


@blp.delete("/api/auth/sessions/<uuid:id>")
@signed_in
@blp.response(204)
def end_session(id: UUID) -> Response:
    """End a session.

    Its tokens are refused from now on.
    """
    with db.transaction() as session:
        sessions_of_user.end(session, caller().id, str(id))
    return Response(status=204)


def _told(row: Any) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("id", "device", "created_at", "expires_at")}
    return {**shown, "current": row.id == caller().session, "last_used_at": row.rotated_at}
