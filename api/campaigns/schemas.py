"""Schemas of campaigns. Staff only."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.http.fields import Boolean, Integer, Line, Moment, Shown, Text
from api.http.schemas import Schema
from db.statements import table_of
from shop.campaigns import calendar as campaign_calendar
from shop.campaigns.progress import Progress
from shop.campaigns.tables import LONGEST_TEMPLATE, CampaignRow, LatePolicy, RecipientStatus, Stage, Status
from shop.campaigns.templates import VARIABLES
from shop.consent.topics import MARKETING
from shop.pricing import offer_admin

TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"
SEGMENT = """A tree with one condition an object: {"all": true}, {"bought_product": id}, {"bought_category": path},
{"spent_at_least": minor units}, {"last_order_before": days}, {"never_ordered": true}, {"tag": "vip"},
{"and": [...]}, {"or": [...]}."""
TEMPLATE = f"Jinja2 without loops and calls; knows {', '.join(VARIABLES)}"


class RecurrenceSchema(Schema):
    """Once, `at` a time, or by a cron expression of five fields in the campaign's time zone."""

    at = Moment()
    cron = Line(most=100, metadata={"example": "0 9 * * MON"})

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Either at or cron.")


class CampaignQuietHoursSchema(Schema):
    """No mail between two times of day, perhaps over midnight."""

    begin = fields.String(required=True, validate=validate.Regexp(TIME_OF_DAY), metadata={"example": "21:00"})
    end = fields.String(required=True, validate=validate.Regexp(TIME_OF_DAY), metadata={"example": "08:00"})


class CampaignLateSchema(Schema):
    """What to do with a due time that was missed: send, skip, or send within so many hours."""

    policy = fields.String(required=True, validate=validate.OneOf([*LatePolicy]))
    hours = Integer(least=1, most=1000, allow_none=True)


class CampaignCouponSchema(Schema):
    """`personal`: each recipient gets a copy of their own, for a single use."""

    code = Line(required=True, most=40)
    personal = Boolean(load_default=False)


class CampaignChangeSchema(Schema):
    name = Line(most=120)
    topic = fields.String(validate=validate.OneOf([*MARKETING]))
    subject = Line(most=400, metadata={"description": TEMPLATE})
    text = Text(most=LONGEST_TEMPLATE, metadata={"description": TEMPLATE})
    html = Text(most=LONGEST_TEMPLATE, allow_none=True, metadata={"description": TEMPLATE})
    segment = fields.Dict(metadata={"description": SEGMENT, "example": {"tag": "vip"}})
    schedule = fields.Nested(RecurrenceSchema, allow_none=True)
    time_zone = Line(most=60, metadata={"example": "Europe/Berlin"})
    throttle_per_minute = Integer(least=1, most=1_000_000, allow_none=True)
    quiet_hours = fields.Nested(CampaignQuietHoursSchema, allow_none=True)
    late = fields.Nested(CampaignLateSchema)
    coupon = fields.Nested(CampaignCouponSchema, allow_none=True)


class NewCampaignSchema(CampaignChangeSchema):
    name = Line(required=True, most=120)
    topic = fields.String(load_default=str(MARKETING[0]), validate=validate.OneOf([*MARKETING]))
    subject = Line(required=True, most=400, metadata={"description": TEMPLATE})
    text = Text(required=True, most=LONGEST_TEMPLATE, metadata={"description": TEMPLATE})


class CampaignWhenSchema(Schema):
    now = Boolean(load_default=False, metadata={"description": "true: at once, beside what its schedule says"})


class CampaignFatesSchema(Schema):
    waiting = Integer()
    sending = Integer()
    sent = Integer()
    failed = Integer()
    skipped = Integer(metadata={"description": "have no consent any more, or are gone"})


class CampaignRunSchema(Schema):
    """One due time. `lateness`: seconds between it and the start."""

    id = fields.String()
    job_id = fields.String(allow_none=True)
    due_at = Moment()
    started_at = Moment()
    frozen_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    status = fields.String(metadata={"enum": [*Stage]})
    detail = fields.String(allow_none=True)
    lateness = fields.Float()
    audience = Integer()
    recipients = fields.Nested(CampaignFatesSchema)


class CampaignSchema(CampaignChangeSchema):
    """`explained`: its schedule in English; `next`: when it is due next; `runs`: the newest, first."""

    id = fields.String()
    status = fields.String(metadata={"enum": [*Status]})
    explained = fields.String()
    next = fields.List(Moment())
    runs = fields.List(fields.Nested(CampaignRunSchema))
    created_at = Moment()
    updated_at = Moment()


class CampaignRecipientSchema(Schema):
    user_id = fields.String()
    email = Shown(allow_none=True, metadata={"description": "as it is today"})
    status = fields.String(attribute="state", metadata={"enum": [*RecipientStatus]})
    attempts = Integer()
    detail = fields.String(allow_none=True)
    coupon = fields.String(allow_none=True)
    updated_at = Moment()


class CampaignSampleSchema(Schema):
    to = Shown()
    subject = fields.String()
    text = fields.String()
    html = fields.String(allow_none=True)


class CampaignPreviewSchema(Schema):
    """`audience`: how many recipients it would have now; `sample`: the mail of one of them, null when there is none."""

    audience = Integer()
    sample = fields.Nested(CampaignSampleSchema, allow_none=True)


def values_of(wish: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the table; nested objects become several columns."""
    same = ("name", "topic", "subject", "text", "html", "segment")
    values: dict[str, Any] = {name: wish[name] for name in same if name in wish}
    values |= {"time_zone": wish["time_zone"]} if "time_zone" in wish else {}
    values |= {"throttle": wish["throttle_per_minute"]} if "throttle_per_minute" in wish else {}
    for name, spread in SPREAD.items():
        if name in wish:
            values |= spread(wish[name] or {})
    return values


SPREAD: dict[str, Any] = {
    "schedule": lambda given: {"once_at": given.get("at"), "cron": given.get("cron")},
    "quiet_hours": lambda given: {"quiet_from": given.get("begin"), "quiet_until": given.get("end")},
    "late": lambda given: {"late_policy": given["policy"], "late_hours": given.get("hours")},
    "coupon": lambda given: {
        "coupon_code": offer_admin.fold(given["code"]) if given else None,
        "coupon_personal": bool(given.get("personal")),
    },
}


def campaign_of(row: CampaignRow, moment: Any, runs: list[Progress]) -> dict[str, Any]:
    """Return the campaign for the schema; its next due times are counted from `moment`."""
    shown = {column.key: getattr(row, column.key) for column in table_of(CampaignRow).columns}
    schedule = {"cron": row.cron} if row.cron else {"at": row.once_at} if row.once_at else None
    quiet = {"begin": row.quiet_from, "end": row.quiet_until} if row.quiet_from else None
    return shown | {
        "schedule": schedule,
        "quiet_hours": quiet,
        "throttle_per_minute": row.throttle,
        "late": {"policy": row.late_policy, "hours": row.late_hours},
        "coupon": {"code": row.coupon_code, "personal": row.coupon_personal} if row.coupon_code else None,
        "explained": campaign_calendar.explained(row),
        "next": campaign_calendar.upcoming(row, moment),
        "runs": [run_of(progress) for progress in runs],
    }


def run_of(progress: Progress) -> dict[str, Any]:
    run = progress.run
    shown = {name: getattr(run, name) for name in CampaignRunSchema().fields if hasattr(run, name)}
    return shown | {"status": run.stage, "lateness": progress.lateness, "recipients": progress.fates}
