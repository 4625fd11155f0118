"""Notes of the staff about an order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Moment, Text
from api.http.schemas import Schema, page_of
from api.http.security import STAFF, caller, roles
from shop.orders import staff_notes
from shop.orders.staff_notes import LONGEST

blp = Blueprint("order notes", __name__, description="Notes of the staff about orders")


class OrderNoteSchema(Schema):
    id = fields.String(dump_only=True)
    author_id = fields.String(dump_only=True)
    text = Text(required=True, most=LONGEST)
    at = Moment(dump_only=True)


NOTE = OrderNoteSchema()


@blp.get("/api/orders/<uuid:id>/notes")
@roles(*STAFF)
@blp.response(200, page_of(OrderNoteSchema))
def list_order_notes(id: UUID) -> dict[str, Any]:
    """List an order's notes.

    All about the order, oldest first. Staff only.
    """
    with db.reading() as session:
        return {"items": staff_notes.of_order(session, str(id)), "next": None}


@blp.post("/api/orders/<uuid:id>/notes")
@roles(*STAFF)
@blp.arguments(NOTE)
@blp.response(201, NOTE)
@blp.idempotent
def add_order_note(wish: dict[str, Any], id: UUID) -> Response:
    """Add a note to an order.

    Write down something about the order that its customer does not see. Staff only.
    """

    def work(session: Session) -> Answer:
        return NOTE.dump(staff_notes.add(session, str(id), wish["text"], by=caller().id)), 201, {}

    return run_command(work)
