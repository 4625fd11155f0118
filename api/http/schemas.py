"""Schemas that several nouns share."""

from __future__ import annotations

from functools import cache
from typing import Any

import marshmallow as ma
from marshmallow import INCLUDE, RAISE, fields, validate

from api.http.fields import Integer, Line, Moment, PersonName, QueryInteger, Text
from engine import State
from shop.accounts import postal_forms
from shop.accounts.postal_forms import BadAddress
from shop.kernel.countries import CODES
from shop.kernel.money import MOST


class Schema(ma.Schema):
    """A schema that refuses unknown fields, so that no client believes they had an effect."""

    class Meta:
        unknown = RAISE


class MoneySchema(Schema):
    """An amount in minor units (cents)."""

    amount = Integer(required=True, least=0, most=MOST, metadata={"example": 1999})
    currency = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{3}\Z"), metadata={"example": "EUR"})


class AddressSchema(Schema):
    """Which of `city`, `region` and `postal_code` are needed depends on the country: docs/orders.md."""

    name = PersonName(required=True, most=100)
    line1 = Line(required=True, most=200)
    line2 = Line(least=0, most=200, allow_none=True)
    city = Line(least=0, most=100, allow_none=True)
    region = Line(least=0, most=100, allow_none=True)
    postal_code = Line(least=0, most=20, allow_none=True)
    country = fields.String(
        required=True,
        validate=validate.OneOf(sorted(CODES), error="Must be a country code of ISO 3166-1, such as DE."),
        metadata={"example": "DE", "description": "ISO 3166-1 alpha-2"},
    )
    phone = Line(
        least=0,
        most=64,
        allow_none=True,
        metadata={"example": "+49 30 123456", "description": "of the address's country, unless it begins with +"},
    )

    @ma.post_load
    def _in_its_countrys_form(self, address: dict[str, Any], **_: Any) -> dict[str, Any]:
        try:
            return postal_forms.normalised(address)
        except BadAddress as error:
            raise ma.ValidationError(dict(error.errors)) from error


class ErrorSchema(Schema):
    """Why a step or job failed: a stable code for programs, a sentence for people."""

    code = fields.String()
    detail = fields.String()


class StepSchema(Schema):
    name = fields.String()
    direction = fields.String(validate=validate.OneOf(["do", "undo"]))
    status = fields.String()
    attempts = Integer()
    started_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    next_attempt_at = Moment(allow_none=True)
    error = fields.Nested(ErrorSchema, allow_none=True)


class SubjectSchema(Schema):
    type = fields.String()
    id = fields.String()


class WaitingForSchema(Schema):
    """The gateway that is away, so that the job waits; it goes on by itself."""

    what = fields.String(metadata={"example": "payment_provider"})
    since = Moment()
    detail = fields.String(metadata={"example": "waiting for the payment provider"})


class JobSchema(Schema):
    """A command on its way. Dump an `engine.jobs.Job`."""

    id = fields.String()
    workflow = fields.String()
    status = fields.String(metadata={"enum": [str(state) for state in State]})
    subject = fields.Nested(SubjectSchema)
    created_at = Moment()
    updated_at = Moment()
    finished_at = Moment(allow_none=True)
    cancel_requested = fields.Boolean()
    waiting_for = fields.Nested(WaitingForSchema, allow_none=True)
    error = fields.Nested(ErrorSchema, allow_none=True)
    result = fields.Dict(allow_none=True)
    steps = fields.List(fields.Nested(StepSchema))


class ProblemSchema(Schema):
    """A problem document (RFC 9457). Some have further members, such as `left` or `reason`."""

    class Meta:
        unknown = INCLUDE

    type = fields.String()
    title = fields.String()
    status = Integer()
    detail = fields.String()
    code = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    request_id = fields.String(allow_none=True)


class PageQuery(Schema):
    """The query of a list. Inherit from it to add filters."""

    limit = QueryInteger(load_default=20, least=1, most=100)
    cursor = Text(most=500, load_default=None, metadata={"description": "`next` of the page before"})


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """Make the schema of a page: `{"items": [...], "next": cursor or null}`."""
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True),
        "next": fields.String(allow_none=True, required=True),
    }
    return type(item.__name__.removesuffix("Schema") + "PageSchema", (Schema,), members)


class AcceptedSchema(Schema):
    """A 202 that is the same whether there is such an account or not; only a mail tells the difference."""

    status = fields.String(metadata={"enum": ["accepted"]})


ACCEPTED = {"status": "accepted"}


@cache
def accepted_with(**nouns: type[Schema]) -> type[Schema]:
    """Make the schema of a 202: `{"job": {...}, "order": {...}}` for `accepted_with(order=OrderSchema)`."""
    members: dict[str, Any] = {name: fields.Nested(schema) for name, schema in nouns.items()}
    about = "".join(schema.__name__.removesuffix("Schema") for schema in nouns.values()) or "Job"
    return type(f"Accepted{about}Schema", (Schema,), {"job": fields.Nested(JobSchema, required=True), **members})
