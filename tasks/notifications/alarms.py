"""Mails to operators about jobs that need attention: the first at once, then at most one an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from db.functions import read_clock
from engine import DAYS, Run, State, jobs, local_step, remote_step
from engine.jobs import Job
from engine.outcomes import More
from gateways.mail import MAIL_SERVER, Mail, mailer, message_id
from shop.kernel import keys, links

MOST = 20
"""The most jobs named in one mail."""


@dataclass(frozen=True)
class Alarm:
    event: str
    to: str = field(repr=False)
    found: Sequence[Job]


@local_step("notifications.await_hour")
def await_hour(session: Session, runs: Sequence[Run]) -> Mapping[str, More]:
    """Wait until the hour that the mail is for."""
    now = read_clock(session)
    left = {run.id: (datetime.fromisoformat(run.input["hour"]) - now).total_seconds() for run in runs}
    return {id: More(seconds) for id, seconds in left.items() if seconds > 0}


def _alarms(session: Session, runs: Sequence[Run]) -> Mapping[str, Alarm]:
    """List the jobs that need attention now. Without any, no mail is sent."""
    found = jobs.newest(session, limit=MOST + 1, status=State.NEEDS_ATTENTION)
    return {run.id: Alarm(_event(run), run.subject_id, found) for run in runs} if found else {}


def _event(run: Run) -> str:
    """Identify the mail by what began it; by the hour alone in runs from before that was recorded."""
    return str(run.input.get("event", run.input["hour"]))


@remote_step("notifications.alarm", fetch=_alarms, retry=DAYS, gateway=MAIL_SERVER)
def send(alarm: Alarm, key: str) -> None:
    """Mail the list of jobs that need attention now."""
    id = message_id(keys.message("operators_alarm", alarm.event, alarm.to))
    mailer().send(Mail(alarm.to, _subject(alarm), _text(alarm), message_id=id))


def _subject(alarm: Alarm) -> str:
    number = len(alarm.found)
    if number == 1:
        return "1 job needs attention"
    return f"{number if number <= MOST else f'More than {MOST}'} jobs need attention"


def _text(alarm: Alarm) -> str:
    lines = [_line(job) for job in alarm.found[:MOST]]
    return "\n".join(["These jobs go neither forward nor back by themselves:", "", *lines, ""])


def _line(job: Job) -> str:
    why, about = job.error or {}, f"{job.subject['type']} {job.subject['id']}"
    return (
        f"{job.workflow} of {about}: {why.get('code')} at {why.get('step')} ({why.get('direction')})\n"
        f"  {links.api(f'/api/jobs/{job.id}')}"
    )
