"""Schemas of jobs: as customers see them, and as staff do, with the outputs of the steps."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from sqlalchemy.orm import Session

from api.http.fast_bodies import job_body
from api.http.fields import Line, Moment, QueryInteger, Text
from api.http.schemas import ErrorSchema, JobSchema, PageQuery, Schema, StepSchema
from api.http.security import is_staff
from engine import State, jobs
from engine.jobs import Job

LONGEST_WAIT = 30


class WaitQuery(Schema):
    wait = QueryInteger(least=0, most=LONGEST_WAIT, load_default=0, metadata={"description": "seconds"})


class JobsQuery(PageQuery):
    status = fields.Enum(State, by_value=True, load_default=None)
    workflow = Text(most=80, load_default=None)


class NoteSchema(Schema):
    note = Line(required=True, most=500, metadata={"description": "how it was settled by hand"})


class StaffStepSchema(StepSchema):
    output = fields.Raw(
        allow_none=True, metadata={"type": "object", "description": "what it remembered; for staff alone"}
    )


class ActSchema(Schema):
    """An act of an operator, with the error it was about."""

    act = fields.String(metadata={"enum": ["retried", "skipped", "compensated"]})
    by = fields.String()
    note = fields.String(allow_none=True)
    step = fields.String()
    direction = fields.String()
    error = fields.Nested(ErrorSchema, allow_none=True)
    at = Moment()


class FailureSchema(Schema):
    """A failed attempt of a step."""

    step = fields.String()
    direction = fields.String()
    code = fields.String()
    detail = fields.String()
    at = Moment()


class StaffJobSchema(JobSchema):
    """A job with the outputs of its steps. Read by its id, it also has its newest 50 failed attempts and the acts of
    operators."""

    steps = fields.List(fields.Nested(StaffStepSchema))
    failures = fields.List(fields.Nested(FailureSchema))
    acts = fields.List(fields.Nested(ActSchema))


STAFF_JOB = StaffJobSchema()
PAST = StaffJobSchema(only=("failures", "acts"))


def past_of(session: Session, job: Job) -> Any:
    """Read the failed attempts of a job and the acts of operators on it."""
    return PAST.dump({"failures": jobs.failures(session, job), "acts": jobs.acts(session, [job.id])})


def job_of(job: Job) -> Any:
    """Return the body of a job, with the outputs of its steps only for staff."""
    return STAFF_JOB.dump(job) if is_staff() else job_body(job)
