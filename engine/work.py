"""The body of every step task: what happens when its message arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from structlog.contextvars import bound_contextvars

from db import in_transaction
from engine import crash, local, remote
from engine.claim import note_claim
from engine.steps import StepTask


def work(message: Any, step: StepTask, ids: Sequence[str], *, suspect: bool = False) -> None:
    """Take the wave through one step; cut the chain when none of its runs goes on.

    suspect: it was lost before, so it is first counted that a worker has it (`claim.note_claim`).

    A redelivered message keeps its tail: the worker before may have died between its commit and the next link.
    """
    crash.at("before_transaction", step.name)
    if suspect:
        in_transaction(lambda session: note_claim(session, step.name, ids))
    with bound_contextvars(task=step.name, task_id=message.request.id):
        goes_on = local.work(step, ids) if step.local else remote.work(step, ids)
    crash.at("after_record", step.name)
    if not goes_on and not _redelivered(message):
        message.request.chain = None


def _redelivered(message: Any) -> bool:
    return bool((message.request.delivery_info or {}).get("redelivered"))
