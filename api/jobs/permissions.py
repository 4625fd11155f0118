"""Check whether the caller may turn a job back or skip its step, by the tables in `workflows.permissions`."""

from __future__ import annotations

from api.http.security import GUEST, starter, visitor
from engine import Direction
from engine.jobs import Job
from shop.kernel.errors import Forbidden, Refusal
from workflows.permissions import NOBODY, SKIP, STAFF, TURN_BACK, Parties, Party


class NotForAnybody(Refusal):
    """No role may do this to the job: money or goods would be lost."""

    code, title = "not_allowed_for_this_job", "Not possible with this job"


def check_turn_back(job: Job) -> None:
    """Raise NotForAnybody if no role may turn this job back, Forbidden if the caller may not.

    The caller must have checked before that the job concerns the customer or guest.
    """
    allowed = TURN_BACK.get(job.workflow, STAFF)
    _check_somebody(allowed, f"A job of {job.workflow} is not turned back.")
    if _party() not in allowed or (_party() == Party.CUSTOMER and job.started_by not in (GUEST, starter())):
        raise Forbidden("Only who asked for this job can turn it back.")


def check_skip(workflow: str, step: str, direction: str) -> None:
    """Raise NotForAnybody if no role may skip this step, Forbidden if the caller may not; an undo always passes."""
    if direction == Direction.UNDO:
        return
    allowed = SKIP.get((workflow, step), STAFF)
    _check_somebody(allowed, f"{step} is not settled by hand: retry it, or turn the job back.")
    if _party() not in allowed:
        raise Forbidden(f"Only an admin may write off what {step} was to bring.")


def _check_somebody(allowed: Parties, why: str) -> None:
    if allowed == NOBODY:
        raise NotForAnybody(why)


def _party() -> Party:
    who = visitor()
    return Party(who.role) if who else Party.CUSTOMER
