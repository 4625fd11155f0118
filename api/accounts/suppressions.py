"""Suppressed addresses, for staff: they get no marketing; stored as hashes, searched by the address itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Email, Moment, Text
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, roles
from shop.accounts.email_addresses import hashed
from shop.accounts.users import normal
from shop.consent import suppressions
from shop.consent.suppressions import Reason

blp = Blueprint("suppressions", __name__, description="Suppressed addresses")


class SuppressionSchema(Schema):
    id = fields.String()
    address_hash = fields.String(metadata={"description": "SHA-256 of the address as the shop keeps it"})
    reason = fields.String(metadata={"enum": [*Reason]})
    detail = fields.String()
    at = Moment()


class SuppressSchema(Schema):
    email = Email(required=True)
    reason = fields.String(load_default=Reason.STAFF, validate=validate.OneOf([Reason.STAFF, Reason.COMPLAINT]))
    detail = Text(least=0, most=500, load_default="")


class SuppressionsQuery(PageQuery):
    email = Email(load_default=None)


@blp.get("/api/suppressions")
@roles(*STAFF)
@blp.arguments(SuppressionsQuery, location="query")
@blp.response(200, page_of(SuppressionSchema))
def list_suppressions(query: dict[str, Any]) -> dict[str, Any]:
    """List suppressed addresses.

    Newest first, or those of one address. Staff only.
    """
    before, email = start(query["cursor"], an_id), query["email"]
    wanted = {"limit": query["limit"] + 1, "before": before, "address_hash": hashed(normal(email)) if email else None}
    with db.reading() as session:
        rows = suppressions.newest(session, **wanted)
    return page(rows, query["limit"], lambda row: [row.id])


@blp.post("/api/suppressions")
@roles(*STAFF)
@blp.arguments(SuppressSchema)
@blp.response(201, SuppressionSchema)
@blp.idempotent
def create_suppression(wish: dict[str, Any]) -> Response:
    """Suppress an address.

    No marketing to this address any more. Staff only.
    """
    address, reason = hashed(normal(wish["email"])), Reason(wish["reason"])

    def work(session: Session) -> Answer:
        suppressions.add(session, [address], reason, wish["detail"])
        [row] = [row for row in suppressions.of(session, address) if row.reason == reason]
        return SuppressionSchema().dump(row), 201, {}

    return run_command(work)


@blp.delete("/api/suppressions/<uuid:id>")
@roles(*STAFF)
@blp.response(204)
def delete_suppression(id: UUID) -> Response:
    """Lift a suppression.

    The address may get marketing again, unless another suppression names it. Staff only.
    """
    with db.transaction() as session:
        suppressions.remove(session, str(id))
    return Response(status=204)
