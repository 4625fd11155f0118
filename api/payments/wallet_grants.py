"""Store credit above the ceiling: it waits until a second person has agreed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, run_command
from api.http.fields import Line, Moment
from api.http.money import Amount
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import STAFF, caller, roles
from shop.wallets import grants as wallet_grants
from shop.wallets.grants import Status

blp = Blueprint("wallet grants", __name__, description="Store credit that waits for a second person")
log = structlog.get_logger("audit")


class WalletGrantSchema(Schema):
    id = fields.String()
    customer_id = fields.String()
    amount = Amount()
    reason = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    asked_by = fields.String()
    asked_at = Moment()
    decided_by = fields.String(allow_none=True)
    decided_at = Moment(allow_none=True)
    note = fields.String()


class WalletGrantsQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([*Status]))


class DecisionSchema(Schema):
    note = Line(required=True, most=500, metadata={"description": "why"})


GRANT = WalletGrantSchema()


@blp.get("/api/wallet-grants")
@roles(*STAFF)
@blp.arguments(WalletGrantsQuery, location="query")
@blp.response(200, page_of(WalletGrantSchema))
def list_wallet_grants(query: dict[str, Any]) -> dict[str, Any]:
    """List store credit that waits for approval.

    List grants above the ceiling, newest first. Staff only.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = wallet_grants.listed(session, limit=limit + 1, before=before, status=query["status"])
    return page(rows, limit, lambda row: [row.id])


@blp.post("/api/wallet-grants/<uuid:id>/approve")
@roles(*STAFF)
@blp.arguments(DecisionSchema)
@blp.response(200, WalletGrantSchema)
@blp.idempotent
def approve_wallet_grant(wish: dict[str, Any], id: UUID) -> Response:
    """Approve store credit.

    Grant the credit. Neither the one who asked for it nor the one who gets it may approve it (403). Staff only.
    """
    return _decide(str(id), approve=True, note=wish["note"])


@blp.post("/api/wallet-grants/<uuid:id>/refuse")
@roles(*STAFF)
@blp.arguments(DecisionSchema)
@blp.response(200, WalletGrantSchema)
@blp.idempotent
def refuse_wallet_grant(wish: dict[str, Any], id: UUID) -> Response:
    """Refuse store credit.

    The credit is not granted. Staff only.
    """
    return _decide(str(id), approve=False, note=wish["note"])


def _decide(id: str, *, approve: bool, note: str) -> Response:
    def work(session: Session) -> Answer:
        row = wallet_grants.decide(session, id, approve=approve, by=caller().id, note=note)
        log.info("operator", action=f"store credit {row.status}", grant=id, by=caller().id)
        return GRANT.dump(row), 200, {}

    return run_command(work)
