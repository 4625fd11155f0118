"""The acts of operators on jobs, each with a line in the audit log that names the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from flask import Response
from sqlalchemy.orm import Session

import engine
from api.http.commands import Answer, accepted, run_command
from api.http.security import caller
from api.jobs.permissions import check_skip
from engine import jobs
from shop.kernel.errors import IllegalMove
from shop.orders import conflict_of_interest
from shop.payments import staff_actions as payment_actions
from shop.refunds import staff_actions as refund_actions
from workflows import capture_payment, void_payment

log = structlog.get_logger("audit")


def operate(action: str, id: UUID, act: Callable[..., None], **more: Any) -> Response:
    """Run `act(session, id, by=..., **more)` as a command, log it, and answer 202 with the job."""

    def work(session: Session) -> Answer:
        act(session, str(id), by=caller().id, **more)
        log.info("operator", action=action, job=str(id), by=caller().id, **more)
        session.expire_all()
        return accepted(session, str(id))

    return run_command(work)


def skip(session: Session, id: str, *, by: str, note: str) -> None:
    """Skip the step of a job that needs attention, and cancel the refund that it asked for.

    No money is recorded as paid back: the cancelled amount can be refunded in another way.
    Raises NotPossible unless the job needs attention, OwnBusiness for the operator's own order, and Forbidden or
    NotForAnybody where skipping would leave goods unpaid.
    """
    place = _pass(session, id, by=by, note=note)
    check_skip(*place)
    refund_actions.cancel_request(session, [id], "skipped")
    if place[0] in (capture_payment.name, void_payment.name):
        payment_actions.resume(session, [engine.input_of(session, id)["payment"]])


def _pass(session: Session, id: str, *, by: str, note: str) -> tuple[str, str, str]:
    """Skip the step and return where the job stood: workflow, step, direction.

    Raises OwnBusiness for a job about the operator's own order, NotPossible unless it needs attention.
    """
    job = jobs.get(session, id)
    if job is not None and job.subject["type"] == "order":
        conflict_of_interest.check_order(session, by, job.subject["id"])
    place = engine.standing(session, id)
    engine.skip(session, id, by=by, note=note)
    return place


GIVING_BACK = ("refund_payment", "charge_payment", "return_late_money")


def settled_by_hand(session: Session, id: str, *, by: str, note: str) -> None:
    """Skip the step and record on the payment that its money was refunded by hand.

    Raises IllegalMove unless the step is one of GIVING_BACK, and what `skip` raises.
    """
    job = jobs.get(session, id)
    at = (job.error or {}).get("step") if job and job.subject["type"] == "order" else None
    place = _pass(session, id, by=by, note=f"settled by hand: {note}")
    if job is None or at not in GIVING_BACK:
        raise IllegalMove("The job does not stand at a step that gives money back; skip it instead.")
    check_skip(*place)
    refund_actions.settle_by_hand(session, id, job.subject["id"], most=engine.input_of(session, id).get("amount"))
