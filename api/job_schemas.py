"""Jobs as shoppers see them, and as staff do: with what the steps have remembered."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from api.bodies import job_body
from api.fields import Line, QueryInteger, Text
from api.guests import is_staff
from api.schemas import JobSchema, PageQuery, Schema, StepSchema
from engine import State
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


class StaffJobSchema(JobSchema):
    """A job with the outputs of its steps."""

    steps = fields.List(fields.Nested(StaffStepSchema))


STAFF_JOB = StaffJobSchema()


def job_of(job: Job) -> Any:
    return STAFF_JOB.dump(job) if is_staff() else job_body(job)
