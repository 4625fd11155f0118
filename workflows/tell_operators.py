"""Report jobs that need attention: to webhook endpoints, and to operators by mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

import engine
from config import settings
from db.functions import read_clock
from engine import Run, Step, Workflow, jobs, on_attention
from shop.webhooks import events
from shop.webhooks.events import DomainEvent, Kind
from tasks.notifications import alarms

tell_operators = Workflow(
    "tell_operators",
    Step("wait", do=alarms.await_hour),
    Step("send_mail", do=alarms.send),
)


@on_attention
def tell(session: Session, run: Run) -> None:
    """Publish `run.needs_attention` and start the mails to operators."""
    events.publish(session, [DomainEvent(Kind.RUN_NEEDS_ATTENTION, _data(session, run))])
    now, event = read_clock(session), _event(session, run)
    for address in settings().operators_mail:
        _mail(session, address, now.replace(minute=0, second=0, microsecond=0), event)


def _event(session: Session, run: Run) -> str:
    """Identify this need for attention: it is another one only after an operator has acted on the run."""
    return f"{run.id}:{len(jobs.acts(session, [run.id]))}"


def _mail(session: Session, address: str, hour: datetime, event: str) -> None:
    """Start a mail to an operator.

    The first of an hour goes at once; those that follow go together when the next hour begins.
    """
    if not _begin(session, address, hour, event):
        _begin(session, address, hour + timedelta(hours=1), event)


def _begin(session: Session, address: str, hour: datetime, event: str) -> bool:
    key, told = f"{hour.isoformat()}:{address}", {"hour": hour.isoformat(), "event": event}
    return engine.start(session, tell_operators, key=key, subject=("operator", address), input=told).fresh


def _data(session: Session, run: Run) -> dict[str, object]:
    why, subject = run.error or {}, jobs.subject_of(session, run.id)
    return {
        "job_id": run.id,
        "workflow": run.plan.workflow,
        "subject": subject,
        "step": run.name,
        "direction": run.direction,
        "code": why.get("code"),
        "detail": why.get("detail"),
    }
