"""The periodic tasks of the clock: list them with their last and next run, run one now."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response
from marshmallow import fields
from sqlalchemy.orm import Session

import db
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.fields import Moment
from api.http.schemas import ErrorSchema, Schema, accepted_with
from api.http.security import STAFF, caller, roles
from beat_schedule import SCHEDULE, Cron
from config import settings
from engine import clock
from engine.clock import Standing
from engine.slots import SlotRow, SlotState
from engine.times import in_english
from shop.kernel.errors import NotFound
from workflows import run_periodic_task as run_periodic_task_workflow

blp = Blueprint("schedule", __name__, description="The clock and its periodic tasks. Staff only")
log = structlog.get_logger("audit")


class BegunSchema(Schema):
    slot = Moment(metadata={"description": "when it was due; for one run by hand, when it was asked for"})
    began_at = Moment()
    finished_at = Moment(allow_none=True)
    state = fields.String(metadata={"enum": [SlotState.BEGUN, SlotState.DONE, SlotState.FAILED]})
    lateness = fields.Float(metadata={"description": "seconds from slot to began_at"})
    by_hand = fields.Boolean()
    error = fields.Nested(ErrorSchema, allow_none=True)
    job = fields.String(allow_none=True)


class PeriodicTaskSchema(Schema):
    """`lateness`: seconds by which it is overdue now; more than a few mean that no beat is alive."""

    name = fields.String()
    cron = fields.String(allow_none=True)
    every = fields.Integer(allow_none=True, metadata={"description": "seconds"})
    time_zone = fields.String()
    in_english = fields.String()
    next = Moment()
    lateness = fields.Float()
    last = fields.Nested(BegunSchema, allow_none=True)


class PeriodicTasksSchema(Schema):
    items = fields.List(fields.Nested(PeriodicTaskSchema), required=True)


@blp.get("/api/schedule")
@roles(*STAFF)
@blp.response(200, PeriodicTasksSchema)
def list_periodic_tasks() -> dict[str, Any]:
    """List periodic tasks.

    By name. Staff only.
    """
    with db.reading() as session:
        return {"items": [_told(one) for one in clock.standings(session)]}


@blp.post("/api/schedule/<string:name>/run")
@roles("admin")
@blp.response(202, accepted_with())
@blp.idempotent
def run_periodic_task(name: str) -> Response:
    """Run a periodic task now.

    In addition to its schedule; 409 while it is running. Administrators only.
    """
    if name not in SCHEDULE:
        raise NotFound("There is no such periodic task.")

    def work(session: Session) -> Answer:
        job = clock.run_now(session, run_periodic_task_workflow, name, by=caller().id)
        log.info("operator", action="run now", task=name, job=job, by=caller().id)
        return accepted(session, job)

    return run_command(work)


def _told(one: Standing) -> dict[str, Any]:
    cron = one.time.expression if isinstance(one.time, Cron) else None
    every = None if isinstance(one.time, Cron) else one.time.seconds
    return {
        "name": one.name,
        "cron": cron,
        "every": every,
        "time_zone": settings().time_zone if cron else "UTC",
        "in_english": in_english(one.time),
        "next": one.next,
        "lateness": one.lateness,
        "last": _begun(one.last) if one.last else None,
    }


def _begun(row: SlotRow) -> dict[str, Any]:
    return {
        "slot": row.slot,
        "began_at": row.at,
        "finished_at": row.finished_at,
        "state": row.state,
        "lateness": (row.at - row.slot).total_seconds(),
        "by_hand": row.asked_by is not None,
        "error": row.error,
        "job": row.run_id,
    }
