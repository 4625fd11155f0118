"""The timeline of an order: its changes of status, the steps of its jobs, its parcels and returns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy.orm import Session

from api.http.security import is_staff
from engine import jobs
from engine.jobs import Act, Job
from shop.fulfilment import parcels, returns
from shop.fulfilment.parcels import FulfilmentRow
from shop.fulfilment.returns import ReturnRow
from shop.orders import history as order_history
from shop.orders.history import OrderEventRow

Moment = dict[str, Any]


def of(session: Session, order_id: str) -> list[Moment]:
    """Return the moments of an order, sorted by when they began. Operators and their notes are only for staff."""
    statuses = [_status(event) for event in order_history.of(session, order_id)]
    moments = statuses[:]
    about = jobs.about(session, ("order", order_id))
    moments += [moment for job in about for moment in (*_steps(job), *_waiting(job))]
    workflows = {job.id: job.workflow for job in about}
    moments += [_act(act, workflows[act.job_id]) for act in jobs.acts(session, list(workflows))]
    moments += [moment for parcel in parcels.of_order(session, order_id) for moment in _parcel(parcel)]
    moments += [moment for row in returns.of_order(session, order_id) for moment in _return(row)]
    # A status that follows another stands behind it, even where the clock was set back between the two.
    not_before: dict[int, Any] = dict(
        zip(map(id, statuses), accumulate((moment["at"] for moment in statuses), max), strict=True)
    )
    return sorted(moments, key=lambda moment: not_before.get(id(moment)) or moment["at"])


def _status(event: OrderEventRow) -> Moment:
    return {"at": event.at, "kind": "status", "status": event.to_status, "reason": event.reason}


def _steps(job: Job) -> Iterator[Moment]:
    for step in job.steps:
        if step.started_at:
            yield {
                "at": step.started_at,
                "kind": "step",
                "status": step.status,
                "job_id": job.id,
                "workflow": job.workflow,
                "step": step.name,
                "direction": step.direction,
                "attempts": step.attempts,
                "finished_at": step.finished_at,
                "error": step.error,
            }


def _waiting(job: Job) -> Iterator[Moment]:
    """Yield the moment since which the job waits for a gateway that is away."""
    if waits := job.waiting_for:
        yield {
            "at": waits["since"],
            "kind": "waiting",
            "status": "waiting",
            "job_id": job.id,
            "workflow": job.workflow,
            "waiting_for": waits["what"],
            "detail": waits["detail"],
        }


def _act(act: Act, workflow: str) -> Moment:
    """Return the act of an operator, with the error it was about, which the step itself no longer shows."""
    told = {"at": act.at, "kind": "operator", "status": act.act, "job_id": act.job_id, "workflow": workflow}
    about = {"step": act.step, "direction": act.direction, "error": act.error}
    return told | about | ({"by": act.by, "note": act.note} if is_staff() else {})


def _parcel(parcel: FulfilmentRow) -> Iterator[Moment]:
    cancelled = parcel.updated_at if parcel.status == parcels.Status.CANCELLED else None
    told = [
        (parcels.Status.PENDING, parcel.created_at),
        (parcels.Status.SHIPPED, parcel.shipped_at),
        (parcels.Status.DELIVERED, parcel.delivered_at),
        (parcels.Status.CANCELLED, cancelled),
    ]
    yield from _moments("fulfilment", "fulfilment_id", parcel.id, told)


def _return(row: ReturnRow) -> Iterator[Moment]:
    told = [(returns.Status.REQUESTED, row.created_at), (returns.Status.RECEIVED, row.received_at)]
    if row.decided_at:
        told.append((returns.Status(row.status), row.decided_at))
    yield from _moments("return", "return_id", row.id, told)
    if row.status == returns.Status.REFUNDED:
        came_to = {name: {"amount": getattr(row, name), "currency": row.currency} for name in CAME_TO}
        about = {"kind": "return", "status": row.status, "return_id": row.id}
        yield {"at": row.updated_at, **about, **came_to}


CAME_TO = ("share", "kept_back", "given_before", "refund")
"""The amounts of a return: what was refunded, and what was deducted."""


def _moments(kind: str, name: str, id: str, told: list[tuple[Any, datetime | None]]) -> Iterator[Moment]:
    for status, at in told:
        if at:
            yield {"at": at, "kind": kind, "status": status, name: id}
