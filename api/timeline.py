"""An order's life in one line: its changes of status and the steps of its jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.jobs import Job
from shop.orders import OrderEventRow


def of(history: Sequence[OrderEventRow], jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """In the order in which it began."""
    moments = [_status(event) for event in history] + [step for job in jobs for step in _steps(job)]
    return sorted(moments, key=lambda moment: moment["at"])


def _status(event: OrderEventRow) -> dict[str, Any]:
    return {"at": event.at, "kind": "status", "status": event.to_status, "reason": event.reason}


def _steps(job: Job) -> Iterator[dict[str, Any]]:
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
