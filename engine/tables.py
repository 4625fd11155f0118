"""The engine's tables. `runs` holds where each run stands, `journal` what it did; the other tables stay small."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.functions import transaction_time
from db.schema import DOCUMENT, At, Base, Document, Id
from engine.states import Direction, Hold, Mark, State


def _only(condition: str) -> dict[str, Any]:
    """Make an index partial, so that runs that have ended do not make it grow."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class PlanRow(Base):
    """A plan, stored once: a run keeps the one it started with, whatever is deployed later."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    workflow: Mapped[str]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(DOCUMENT)
    on_failed: Mapped[str | None]


class RunRow(Base):
    """One run. `task` is the step task it stands before, `hold` why no worker may claim it.

    `due_at` is when the sweep looks at it next (None once it is final), `sent_at` when a message for it was last sent;
    `version` grows with every change and fences late writers. `troubled_since` is when its step failed first,
    `waiting_for` the gateway that was away at the last attempt: both None where all goes well.
    """

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("workflow", "key"),
        Index("ix_runs_due", "due_at", **_only("due_at IS NOT NULL")),
        Index("ix_runs_subject", "subject_type", "subject_id"),
        Index("ix_runs_attention", "id", **_only("state = 'needs_attention'")),
        Index("ix_runs_waiting_for", "waiting_for", **_only("waiting_for IS NOT NULL")),
        # Room on the page for the next version of a row, so that an advance touches no index.
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    workflow: Mapped[str]
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"))
    key: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    input: Mapped[Document]
    started_by: Mapped[str | None] = mapped_column(String(64))  # as the caller names them; None: the shop itself
    state: Mapped[str] = mapped_column(default=State.QUEUED)
    direction: Mapped[str] = mapped_column(default=Direction.DO)
    step: Mapped[int] = mapped_column(default=0)
    task: Mapped[str | None]
    hold: Mapped[str] = mapped_column(default=Hold.NONE)
    attempt: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    claims: Mapped[int] = mapped_column(default=0, server_default="0")  # by workers, since it was lost first
    version: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    nudged: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[At | None]
    sent_at: Mapped[At]
    lease_until: Mapped[At | None]
    wait_until: Mapped[At | None]
    deadline_at: Mapped[At | None]
    troubled_since: Mapped[At | None]
    waiting_for: Mapped[str | None] = mapped_column(String(255))
    error: Mapped[Document | None]
    result: Mapped[Document | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())
    finished_at: Mapped[At | None]


class JournalRow(Base):
    """One step of one run in one direction. The timeline of a job is read from here."""

    __tablename__ = "journal"

    run_id: Mapped[Id] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default=Mark.BEGUN)
    attempts: Mapped[int] = mapped_column(default=1)
    refusals: Mapped[int] = mapped_column(default=0)  # refusals that an operator overrode: part of the key
    unsent: Mapped[int] = mapped_column(default=0)  # attempts of which it is certain that no call was sent
    output: Mapped[Document | None]
    error: Mapped[Document | None]
    started_at: Mapped[At]
    finished_at: Mapped[At | None]


class FailedAttemptRow(Base):
    """One attempt that did not end well. Kept as long as its run."""

    __tablename__ = "failed_attempts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    run_id: Mapped[Id] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    step: Mapped[int]
    direction: Mapped[str]
    code: Mapped[str]
    detail: Mapped[str]
    at: Mapped[At]


class OperatorActRow(Base):
    """One act of an operator on a run, with the error at that time; the step's row is overwritten, this one stays."""

    __tablename__ = "operator_acts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    run_id: Mapped[Id] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    act: Mapped[str] = mapped_column(String(20))
    by: Mapped[str]
    note: Mapped[str | None]
    step: Mapped[str]
    direction: Mapped[str]
    error: Mapped[Document | None]
    at: Mapped[At]


class GatewayRow(Base):
    """A gateway that has failed. While `away_since` is set only probes call it, the next one at `probe_at`."""

    __tablename__ = "gateways"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    code: Mapped[str]
    detail: Mapped[str]
    away_since: Mapped[At | None]
    probe_at: Mapped[At | None]
    pause: Mapped[int] = mapped_column(default=0)  # seconds between the last two probes
    woken_at: Mapped[At | None]
    told_at: Mapped[At | None]
    back_at: Mapped[At | None]


class QueueProbeRow(Base):
    """One queue: up to which moment everything sent into it has come out again (see `backlog_probe.py`)."""

    __tablename__ = "lanes"

    queue: Mapped[str] = mapped_column(primary_key=True)
    probed_at: Mapped[At | None]
    reached_at: Mapped[At | None]
