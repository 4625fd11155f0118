"""Reconciliations of the shop's ledger with the provider's, for staff. The clock starts one for each day; an admin may
start one for any days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.fields import Integer, Moment, Text
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, accepted_with, page_of
from api.http.security import STAFF, caller, roles
from config import settings
from shop.kernel.errors import Invalid
from shop.reconciliation import reports
from shop.reconciliation.reports import LineRow, ReconciliationRow, Verdict
from workflows import reconcile_payments

blp = Blueprint("reconciliations", __name__, description="Payments: the provider's ledger beside ours")

LONGEST = timedelta(days=31)
MOST_LINES = 1000


class LedgerSideSchema(Schema):
    amount = Integer()
    currency = fields.String()
    at = Moment()


class LedgerLineSchema(Schema):
    """`provider_id`: the provider's id of it. A side whose ledger does not have it is null. `closed_in`: it was under
    way, and this later reconciliation has its result."""

    verdict = fields.String(metadata={"enum": [*Verdict]})
    kind = fields.String(
        metadata={"description": "capture, refund, or the provider's word for what we did not ask for"}
    )
    provider_id = fields.String()
    reference = fields.String(metadata={"description": "what the provider was told that it is for: our order's id"})
    order_id = fields.String(allow_none=True)
    theirs = fields.Nested(LedgerSideSchema, allow_none=True)
    ours = fields.Nested(LedgerSideSchema, allow_none=True)
    closed_in = fields.String(allow_none=True)


class ReconciliationSchema(Schema):
    id = fields.String()
    provider = fields.String()
    since = Moment(data_key="from")
    until = Moment(data_key="to", metadata={"description": "not included"})
    matched = Integer()
    missing_here = Integer()
    unknown_here = Integer(
        metadata={"description": "of orders that are not in our database: it may have been restored from a backup"}
    )
    missing_there = Integer()
    different = Integer()
    under_way = Integer(metadata={"description": "too new, or of an order still worked on: no difference"})
    differences = Integer()
    finished_at = Moment(allow_none=True)
    settled_at = Moment(allow_none=True)
    settled_by = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    created_at = Moment()


class ReconciliationWithLinesSchema(ReconciliationSchema):
    lines = fields.List(fields.Nested(LedgerLineSchema))
    lines_left_out = Integer()


class LedgerWindowSchema(Schema):
    since = Moment(required=True, data_key="from")
    until = Moment(required=True, data_key="to", metadata={"description": "not included; at most 31 days later"})


class SettlingSchema(Schema):
    note = Text(required=True, most=1000, metadata={"description": "what became of the differences"})


RECONCILIATION, WITH_LINES = ReconciliationSchema(), ReconciliationWithLinesSchema()


@blp.get("/api/payments/reconciliations")
@roles(*STAFF)
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(ReconciliationSchema))
def list_reconciliations(query: dict[str, Any]) -> dict[str, Any]:
    """List reconciliations.

    Newest first. Staff only.
    """
    before, limit = start(query["cursor"], an_id), query["limit"]
    with db.reading() as session:
        rows = reports.listed(session, limit=limit + 1, before=before)
    return page(rows, limit, lambda row: [row.id])


@blp.post("/api/payments/reconciliations")
@roles("admin")
@blp.arguments(LedgerWindowSchema)
@blp.response(202, accepted_with(reconciliation=ReconciliationSchema))
@blp.idempotent
def start_reconciliation(window: dict[str, Any]) -> Response:
    """Start a reconciliation.

    Fetch the provider's ledger and compare it with ours. Differences are not corrected automatically. Admins only.
    """
    since, until = _checked(window["since"], window["until"])

    def work(session: Session) -> Answer:
        id = reports.open_one(session, settings().payment_provider, since, until)
        assert id, "its key is its own id"
        run = engine.start(session, reconcile_payments, key=id, subject=("reconciliation", id), by=caller().id)
        return accepted(session, run.id, reconciliation=RECONCILIATION.dump(reports.get(session, id)))

    return run_command(work)


@blp.get("/api/payments/reconciliations/<uuid:id>")
@roles(*STAFF)
@blp.response(200, ReconciliationWithLinesSchema)
def get_reconciliation(id: UUID) -> Response:
    """Get a reconciliation.

    With the first thousand of the lines that differ, are under way or were. Staff only.
    """
    with db.reading() as session:
        row = reports.get(session, str(id))
        lines = reports.lines(session, row.id, MOST_LINES) if row.finished_at else []
        every = reports.count_lines(session, row.id) if row.finished_at else 0
    left_out = every - len(lines)
    shown = [_line(line) for line in lines]
    return json_answer({**RECONCILIATION.dump(row), **WITH_LINES.dump({"lines": shown, "lines_left_out": left_out})})


@blp.post("/api/payments/reconciliations/<uuid:id>/settle")
@roles(*STAFF)
@blp.arguments(SettlingSchema)
@blp.response(200, ReconciliationSchema)
def settle_reconciliation(wish: dict[str, Any], id: UUID) -> ReconciliationRow:
    """Settle a reconciliation's differences.

    Staff have looked into the differences; the note says what became of them. No money moves. Staff only.
    """
    with db.transaction() as session:
        return reports.settle(session, str(id), by=caller().id, note=wish["note"])


def _checked(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    if not since < until:
        raise Invalid({"to": ["Must be later than from."]})
    if until - since > LONGEST:
        raise Invalid({"to": [f"Must be at most {LONGEST.days} days after from."]})
    if since > datetime.now(UTC) or since.year < 2000:
        raise Invalid({"from": ["Must be in the past, and of this century."]})
    return since, until


def _line(line: LineRow) -> dict[str, Any]:
    theirs = {"amount": line.their_amount, "currency": line.their_currency, "at": line.their_at}
    ours = {"amount": line.our_amount, "currency": line.our_currency, "at": line.our_at}
    said = {"theirs": theirs if line.their_at else None, "ours": ours if line.our_at else None}
    known = {"verdict": line.verdict, "kind": line.kind, "provider_id": line.provider_id, "order_id": line.order_id}
    return {**known, **said, "reference": line.reference, "closed_in": line.closed_in}
