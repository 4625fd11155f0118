"""Jobs: the state of commands, read from the journal; cancel, retry, skip, settle or compensate them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

import db
import engine
from api.http.blueprint import Blueprint
from api.http.commands import Answer, accepted, run_command
from api.http.etags import conditional
from api.http.json_answers import json_answer
from api.http.paging import an_id, page, start
from api.http.schemas import accepted_with, page_of
from api.http.security import STAFF, is_staff, roles, visitor
from api.jobs import long_polling
from api.jobs.operators import operate, settled_by_hand
from api.jobs.operators import skip as skip_step
from api.jobs.permissions import check_turn_back
from api.jobs.schemas import JobsQuery, NoteSchema, StaffJobSchema, WaitQuery, job_of, past_of
from api.orders.guests import check_owner, guest_token, or_guest
from engine import jobs
from engine.jobs import Job
from shop.kernel.errors import NotFound
from shop.orders import orders

blp = Blueprint("jobs", __name__, description="Jobs: durable commands on their way")


@blp.get("/api/jobs/<uuid:id>")
@conditional
@or_guest
@blp.arguments(WaitQuery, location="query")
@blp.response(200, StaffJobSchema)
def get_job(query: dict[str, Any], id: UUID) -> Response:
    """Get a job.

    With `wait`, held until the job differs from what If-None-Match names (else: from now), or has ended.

    When too many requests are waiting the answer comes at once. Guests show the token of their order. Staff also see
    outputs.
    """
    job = _read(str(id))
    if query["wait"] and _is_news(job) is False:
        long_polling.until_changed(job.id, job.tag, query["wait"])
        job = _read(job.id)
    headers = {"ETag": f'"{job.tag}"'} | ({} if job.final else {"Retry-After": "1"})
    return json_answer(job_of(job) | _past(job), headers=headers)


@blp.post("/api/jobs/<uuid:id>/cancel")
@or_guest
@blp.response(202, accepted_with())
@blp.idempotent
def cancel_job(id: UUID) -> Response:
    """Cancel a job.

    Ask the job to turn back; too late (409) once it has passed its point of no return.

    Customers may cancel jobs that they have started themselves: an order, a payment for it, its cancellation, a return.
    A job that captures the payment for goods that have left cannot be cancelled (409 `not_allowed_for_this_job`).
    """

    def work(session: Session) -> Answer:
        check_turn_back(_theirs(session, str(id)))
        engine.cancel(session, str(id))
        session.expire_all()
        return accepted(session, str(id))

    return run_command(work, guest=guest_token())


@blp.get("/api/jobs")
@roles(*STAFF)
@blp.arguments(JobsQuery, location="query")
@blp.response(200, page_of(StaffJobSchema))
def list_jobs(query: dict[str, Any]) -> Response:
    """List jobs.

    Newest first. Staff only.
    """
    before = start(query["cursor"], an_id)
    filters = {"status": query["status"], "workflow": query["workflow"]}
    with db.reading() as session:
        rows = jobs.newest(session, limit=query["limit"] + 1, before=before, **filters)
    found = page(rows, query["limit"], lambda job: [job.id])
    return json_answer({**found, "items": [job_of(job) for job in found["items"]]})


@blp.post("/api/jobs/<uuid:id>/retry")
@roles(*STAFF)
@blp.response(202, accepted_with())
@blp.idempotent
def retry_job(id: UUID) -> Response:
    """Retry a job.

    Try the step that needs attention once more, with all its attempts. Staff only.
    """
    return operate("retry", id, engine.retry)


@blp.post("/api/jobs/<uuid:id>/skip")
@roles(*STAFF)
@blp.arguments(NoteSchema)
@blp.response(202, accepted_with())
@blp.idempotent
def skip_job_step(wish: dict[str, Any], id: UUID) -> Response:
    """Skip a job's step.

    Take the step as settled by hand and go on; operator and note stay in the journal. Staff only; to write off what a
    capture was to bring, admins only.
    """
    return operate("skip", id, skip_step, **wish)


@blp.post("/api/jobs/<uuid:id>/settle")
@roles(*STAFF)
@blp.arguments(NoteSchema)
@blp.response(202, accepted_with())
@blp.idempotent
def settle_job(wish: dict[str, Any], id: UUID) -> Response:
    """Settle a job's step by hand.

    The money that the step could not refund was refunded by hand: the payment records it, and the job goes on. Staff
    only.
    """
    return operate("settle", id, settled_by_hand, **wish)


@blp.post("/api/jobs/<uuid:id>/compensate")
@roles(*STAFF)
@blp.response(202, accepted_with())
@blp.idempotent
def compensate_job(id: UUID) -> Response:
    """Compensate a job.

    Give up going forward and undo what was begun, if the point of no return is not behind. Staff only.
    """
    return operate("compensate", id, _turn_back)


def _turn_back(session: Session, id: str, **by: Any) -> None:
    if job := jobs.get(session, id):
        check_turn_back(job)
    engine.give_back(session, id, **by)


def _past(job: Job) -> Any:
    """Return failures and acts of the job for staff; nothing, and without a database connection, for others."""
    if not is_staff():
        return {}
    with db.reading() as session:
        return past_of(session, job)


def _is_news(job: Job) -> bool:
    """Say whether the job differs from the one that the client named in If-None-Match; False without one."""
    return bool(request.if_none_match) and not request.if_none_match.contains_weak(job.tag)


def _read(id: str) -> Job:
    with db.reading() as session:
        return _theirs(session, id)


def _theirs(session: Session, id: str) -> Job:
    job = jobs.get(session, id)
    if job is None or not (is_staff() or _concerns_caller(session, job)):
        raise NotFound("There is no such job.")
    return job


def _concerns_caller(session: Session, job: Job) -> bool:
    kind, subject = job.subject["type"], job.subject["id"]
    if kind == "order":
        order = orders.get(session, subject)
        check_owner(order, "job")
        return True
    who = visitor()
    return kind == "user" and who is not None and who.id == subject
