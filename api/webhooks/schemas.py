"""Schemas of webhook endpoints and of the deliveries to them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from api.http.fields import Boolean, Few, Integer, Line, Moment
from api.http.schemas import Schema
from config import settings
from shop.webhooks import url_policy
from shop.webhooks.events import DeliveryRow, DeliveryState, DomainEventRow, Kind

EVENTS = ["*", *sorted({f"{kind.split('.')[0]}.*" for kind in Kind}), *Kind]


class Url(Line):
    """The address of a webhook endpoint, one that is public unless the settings allow private ones.

    The addresses that its host name resolves to are checked again at every delivery.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        url = super()._deserialize(value, *args, **kwargs)
        wrong = url_policy.problem(url, private_too=settings().webhooks_allow_private)
        if wrong:
            raise ValidationError(wrong)
        return url


def _events(**kwargs: Any) -> Few:
    one = fields.String(validate=validate.OneOf(EVENTS), metadata={"enum": EVENTS})
    return Few(one, least=1, most=len(EVENTS), **kwargs)


class NewEndpointSchema(Schema):
    url = Url(most=url_policy.LONGEST, required=True, metadata={"example": "https://example.com/hooks"})
    events = _events(required=True)
    description = Line(least=0, most=200, load_default="")


class EndpointChangeSchema(Schema):
    url = Url(most=url_policy.LONGEST)
    events = _events()
    description = Line(least=0, most=200)
    enabled = Boolean()
    rotate_secret = Boolean()


class EndpointSchema(Schema):
    """`disabled_why`: by_staff, gone (it answered 410), failing (it took nothing for a day)."""

    id = fields.String()
    url = fields.String()
    description = fields.String()
    events = fields.List(fields.String())
    enabled = fields.Function(lambda row: row.disabled_at is None, metadata={"type": "boolean"})
    disabled_at = Moment(allow_none=True)
    disabled_why = fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class NewlySecretSchema(EndpointSchema):
    secret = fields.String(metadata={"description": "whsec_..., shown when it is made and when it is rotated"})


class DeliverySchema(Schema):
    """`status`, `answer` (its first bytes), `ms` and `error` are of the last attempt. `id` is its webhook-id."""

    id = fields.String()
    event = fields.String()
    happened_at = Moment()
    data = fields.Dict()
    state = fields.String(metadata={"enum": [*DeliveryState]})
    attempts = Integer()
    replays = Integer()
    status = Integer(allow_none=True)
    answer = fields.String(allow_none=True)
    ms = Integer(allow_none=True)
    error = fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


def delivery_of(row: DeliveryRow, happening: DomainEventRow) -> dict[str, Any]:
    own = ("id", "state", "attempts", "replays", "status", "answer", "ms", "error", "created_at", "updated_at")
    told = {"event": happening.kind, "happened_at": happening.at, "data": happening.data}
    return {name: getattr(row, name) for name in own} | told
