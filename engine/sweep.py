"""The sweep: recovery, retry and delay are one query for what is due, by the database's clock.

Due are a first message that was never sent, a lost message, a backoff that ran out, the lease of a dead worker,
the end of a wait. Every worker sweeps; SKIP LOCKED keeps two from taking the same run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, not_, or_, select, update
from sqlalchemy.orm import Session

from celery_app import queue_of
from config import settings
from db import in_transaction, reading
from db.functions import in_list, in_seconds, statement_time, transaction_time
from engine import backlog_probe, claim, plans, setback
from engine.database_clock import Watch
from engine.dispatch import ChainPosition, send_all
from engine.leases import Leases
from engine.limits import LONGEST_SEARCH, MOST_CLAIMS, PATIENCE, SEARCHES, SLACK, SWEEP_LIMIT, WAVE
from engine.settle import give_up
from engine.states import Direction, Hold
from engine.steps import step_tasks
from engine.tables import RunRow

log = logging.getLogger(__name__)

_DUE = RunRow.due_at <= transaction_time()
_LOOK = select(exists().where(_DUE), statement_time())
_TIMED = or_(
    RunRow.hold.in_((Hold.BACKOFF, Hold.WAIT)),
    and_(RunRow.hold == Hold.CALL, or_(RunRow.lease_until.is_(None), RunRow.lease_until <= transaction_time())),
)


_leases = Leases()
watch = Watch()


@dataclass
class Found:
    """The runs that one sweep takes."""

    send: list[Any] = field(default_factory=list)  # whose backoff or wait is over
    lost: list[Any] = field(default_factory=list)  # whose message or worker is gone
    hopeless: list[Any] = field(default_factory=list)  # lost too often


def sweep() -> int:
    """Sweep once, at most SWEEP_LIMIT runs. Returns how many were sent to workers.

    Costs one small query while nothing is due. Raises the errors of an absent database or broker; what was not sent
    is due again after a while.
    """
    with reading() as session:
        if not _look(session):
            return 0
        reached = backlog_probe.reached(session)
        unsure = _unsure(session, reached)
    _probe(unsure)
    began = time.monotonic()
    return _send(in_transaction(lambda session: _take(session, reached, began)))


def _look(session: Session) -> bool:
    """Return whether anything is due. After the clock was set back, first mend the times that would hide what is."""
    before = time.monotonic()
    due, at = session.execute(_LOOK).one()
    if watch.look(at, before, time.monotonic()) and setback.found(session):
        session.rollback()
        in_transaction(setback.mend)
    return bool(due)


def _unsure(session: Session, reached: Mapping[str, datetime]) -> set[str]:
    """Return the queues of overdue runs that may be lost or merely wait behind others."""
    waiting = select(RunRow.task).where(_DUE, RunRow.hold == Hold.NONE, not_(_is_lost(reached))).distinct()
    return {queue_of(task) for task in session.scalars(waiting) if task}


def _probe(queues: set[str]) -> None:
    """Send probes into these queues, which tell whether what was sent before has come out."""
    for queue, at in in_transaction(lambda session: backlog_probe.claim_probes(session, queues)).items():
        backlog_probe.send_probe(queue, at)


def _take(session: Session, reached: Mapping[str, datetime], began: float) -> Found:
    """Lock, mark and return the runs to be sent.

    A run behind a backlog is not touched: its lock would hide it from the very task whose message is about to arrive.
    """
    rows = session.execute(_wanted(reached)).all()
    leased = {row.id: row.lease_until for row in rows if row.hold == Hold.CALL}
    gone = _leases.over(leased, waited=time.monotonic() - began)
    found = _sort([row for row in rows if row.hold != Hold.CALL or row.id in gone])
    plans.load(session, {row.plan_id for row in found.send + found.lost})
    _give_up(session, found.hopeless)
    _mark(session, _SEND, found.send)
    _mark(session, _LOST, found.lost)
    return found


def _wanted(reached: Mapping[str, datetime]) -> Any:
    query = select(*_COLUMNS).where(_DUE, or_(_TIMED, _is_lost(reached))).order_by(RunRow.due_at).limit(SWEEP_LIMIT)
    return query.with_for_update(skip_locked=True, key_share=True)


_RUN = RunRow
_COLUMNS = (
    *(_RUN.id, _RUN.plan_id, _RUN.step, _RUN.direction, _RUN.task),
    *(_RUN.hold, _RUN.losses, _RUN.claims, _RUN.lease_until),
)


def _is_lost(reached: Mapping[str, datetime]) -> ColumnElement[bool]:
    """Match runs without a hold whose message must be lost: later ones have come out of the same queue."""
    slack = timedelta(seconds=SLACK)
    overtaken = [and_(_travels_in(queue), RunRow.sent_at < at - slack) for queue, at in reached.items()]
    return and_(RunRow.hold == Hold.NONE, or_(false(), *overtaken))


def _travels_in(queue: str) -> ColumnElement[bool]:
    noun = queue.removeprefix(settings().queue_prefix)
    return RunRow.task.startswith(f"{noun}.", autoescape=True)


def _sort(rows: Sequence[Any]) -> Found:
    found = Found()
    for row in rows:
        if row.hold in (Hold.BACKOFF, Hold.WAIT):
            found.send.append(row)
        elif _is_hopeless(row):
            found.hopeless.append(row)
        else:
            found.lost.append(row)
    return found


def _is_hopeless(row: Any) -> bool:
    """Return whether the run was lost with a worker MOST_CLAIMS times.

    An undo that calls a gateway never is: only the gateway's answer may end it.
    """
    if row.claims < MOST_CLAIMS:
        return False
    log.error("run %s takes its workers down with it at %s: %d times", row.id, row.task, row.claims)
    step = step_tasks.get(row.task)
    return row.direction == Direction.DO or (step is not None and step.call is None)


_SEND = (
    update(RunRow)
    .where(in_list(RunRow.id, "ids"))
    .values(
        hold=Hold.NONE,
        version=RunRow.version + 1,
        sent_at=statement_time(),
        due_at=in_seconds(PATIENCE),
        updated_at=statement_time(),
    )
    .execution_options(synchronize_session=False)
)
_SEARCH = case(*((RunRow.losses < losses, seconds) for losses, seconds in SEARCHES), else_=LONGEST_SEARCH)
_LOST = _SEND.values(losses=RunRow.losses + 1, due_at=in_seconds(_SEARCH))


def _mark(session: Session, statement: Any, rows: Sequence[Any]) -> None:
    if rows:
        session.execute(statement, {"ids": [row.id for row in rows]})


def _give_up(session: Session, rows: Sequence[Any]) -> None:
    if rows:
        give_up(session, claim.lock(session, [row.id for row in rows]))


def _send(found: Found) -> int:
    """Send the runs; those that were lost before travel alone, since one of them may be what kills its worker."""
    together = [row for row in found.send + found.lost if not row.losses]
    alone = [row for row in found.send + found.lost if row.losses]
    if together:
        send_all(map(_parcel, together), WAVE)
    if alone:
        send_all(map(_parcel, alone), 1, suspect=True)
    return len(together) + len(alone)


def _parcel(row: Any) -> tuple[ChainPosition, str]:
    return ChainPosition(plans.known(row.plan_id), row.step, row.direction), row.id
