"""Tables of campaigns, their runs, and the recipients of each run."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, UniqueConstraint, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from db.functions import transaction_time
from db.schema import At, Base, Document, Id, new_id
from shop.pricing.offers import CODE_LENGTH

LONGEST_TEMPLATE = 100_000


class Status(StrEnum):
    """State of a campaign."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"  # it has a next time, or a run under way
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """Stage of one run of a campaign."""

    FREEZING = "freezing"  # the audience is being recorded
    SENDING = "sending"
    DONE = "done"
    SKIPPED = "skipped"  # too late, or the one before was still under way
    CANCELLED = "cancelled"


class RecipientStatus(StrEnum):
    """State of one recipient of a run."""

    WAITING = "waiting"
    SENDING = "sending"  # in a batch
    SENT = "sent"
    FAILED = "failed"  # refused by the mail server, or deferred too long
    SKIPPED = "skipped"  # without consent (any more), or the account is gone


class LatePolicy(StrEnum):
    """What becomes of a run that is started after its due time."""

    SEND = "send"
    SKIP = "skip"
    WITHIN = "within"  # so many hours


OPEN = (Stage.FREEZING, Stage.SENDING)


class CampaignRow(Base):
    """One campaign. `time_zone` is that of `cron` and of the quiet hours; `next_at` is for the scheduler."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("throttle > 0", name="throttle_positive"),
        Index(
            "ix_campaigns_next_at",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL"),
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    topic: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(400))
    text: Mapped[str]
    html: Mapped[str | None]
    segment: Mapped[Document]
    once_at: Mapped[At | None]
    cron: Mapped[str | None] = mapped_column(String(100))
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    throttle: Mapped[int | None]  # mails a minute
    quiet_from: Mapped[str | None] = mapped_column(String(5))  # HH:MM
    quiet_until: Mapped[str | None] = mapped_column(String(5))
    late_policy: Mapped[str] = mapped_column(String(10), default=LatePolicy.SEND)
    late_hours: Mapped[int | None]
    coupon_code: Mapped[str | None] = mapped_column(String(CODE_LENGTH))
    coupon_personal: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(20), default=Status.DRAFT)
    next_at: Mapped[At | None]
    actor_id: Mapped[Id | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


class CampaignRunRow(Base):
    """One due time of a campaign, unique.

    `frozen_to`: the last user recorded; `paced_to`: the pace is used up until then.
    """

    __tablename__ = "campaign_runs"
    __table_args__ = (UniqueConstraint("campaign_id", "due_at"),)

    id: Mapped[Id] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[Id] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    due_at: Mapped[At]
    stage: Mapped[str] = mapped_column(String(20), default=Stage.FREEZING)
    detail: Mapped[str | None] = mapped_column(String(200))
    job_id: Mapped[Id | None]
    audience: Mapped[int] = mapped_column(default=0)
    frozen_to: Mapped[Id | None]
    paced_to: Mapped[At | None]
    started_at: Mapped[At] = mapped_column(default=transaction_time())
    frozen_at: Mapped[At | None]
    finished_at: Mapped[At | None]
    fates: Mapped[Document | None]  # counts by status, once the recipients are deleted


def _only(state: RecipientStatus) -> dict[str, Any]:
    """Build a partial index: finished recipients do not make it grow."""
    condition = text(f"state = '{state}'")
    return {"postgresql_where": condition, "sqlite_where": condition}


class RecipientRow(Base):
    """One recipient of one run: at most one mail, by the primary key. No address is kept here."""

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        Index("ix_campaign_recipients_waiting", "run_id", "user_id", **_only(RecipientStatus.WAITING)),
        Index("ix_campaign_recipients_sending", "run_id", "batch_id", **_only(RecipientStatus.SENDING)),
        Index("ix_campaign_recipients_state", "run_id", "state"),
        Index("ix_campaign_recipients_user", "user_id"),
    )

    run_id: Mapped[Id] = mapped_column(ForeignKey("campaign_runs.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[Id] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default=RecipientStatus.WAITING)
    batch_id: Mapped[Id | None]
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[At | None]  # deferred by the mail server until then
    coupon_code: Mapped[str | None] = mapped_column(String(CODE_LENGTH))
    detail: Mapped[str | None] = mapped_column(String(200))
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


def standing(fate: RecipientStatus) -> ColumnElement[bool]:
    """Return the condition on `state`, spelt out as a literal.

    With a parameter, a prepared statement could not use the partial indexes above.
    """
    return RecipientRow.state == literal_column(f"'{fate}'")
