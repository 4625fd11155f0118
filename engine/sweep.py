"""Recovery, retry and delay are one query: whatever is due, by the database's clock.

Due is a first dispatch that never left, a lost message, a backoff that ran out, the lease of a dead worker,
the deadline of a wait. Every worker sweeps; SKIP LOCKED keeps two from taking the same run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select, update
from sqlalchemy.orm import Session

from celery_app import queue_of
from config import settings
from db import in_transaction, reading
from engine import claim, lanes, plans
from engine.dispatch import Place, send_all
from engine.settle import give_up
from engine.states import Hold
from engine.tables import RunRow
from engine.timing import MOST_LOSSES, PATIENCE, SLACK, SWEEP_LIMIT, WAVE
from sql import among, clock, later, now

log = logging.getLogger(__name__)

_DUE = RunRow.due_at <= now()
_ANY_DUE = select(exists().where(_DUE))
_TIMED = or_(
    RunRow.hold.in_((Hold.BACKOFF, Hold.WAIT)),
    and_(RunRow.hold == Hold.CALL, or_(RunRow.lease_until.is_(None), RunRow.lease_until <= now())),
)


@dataclass
class Found:
    """What one sweep came upon."""

    send: list[Any] = field(default_factory=list)  # held back until now: their time has come
    lost: list[Any] = field(default_factory=list)  # their message or their worker is gone
    hopeless: list[Any] = field(default_factory=list)  # gone too often


def sweep() -> int:
    """One look. Returns how many runs were sent on their way."""
    with reading() as session:
        if not session.scalar(_ANY_DUE):
            return 0
        reached = lanes.reached(session)
        unsure = _unsure(session, reached)
    _probe(unsure)
    return _send(in_transaction(lambda session: _take(session, reached)))


def _unsure(session: Session, reached: Mapping[str, datetime]) -> set[str]:
    """The queues of overdue runs that may be lost or merely behind others."""
    waiting = select(RunRow.task).where(_DUE, RunRow.hold == Hold.NONE, not_(_is_lost(reached))).distinct()
    return {queue_of(task) for task in session.scalars(waiting) if task}


def _probe(queues: set[str]) -> None:
    """Ask what became of everything that was sent into these queues."""
    for queue, at in in_transaction(lambda session: lanes.claim_probes(session, queues)).items():
        lanes.send_probe(queue, at)


def _take(session: Session, reached: Mapping[str, datetime]) -> Found:
    """Lock, mark and return what is to be sent. A run behind a backlog is not touched: that would hide it
    from the very task whose message is about to arrive."""
    found = _sort(session.execute(_wanted(reached)).all())
    plans.load(session, {row.plan_id for row in found.send + found.lost})
    _give_up(session, found.hopeless)
    _mark(session, _SEND, found.send)
    _mark(session, _LOST, found.lost)
    return found


def _wanted(reached: Mapping[str, datetime]) -> Any:
    columns = (RunRow.id, RunRow.plan_id, RunRow.step, RunRow.direction, RunRow.hold, RunRow.losses)
    query = select(*columns).where(_DUE, or_(_TIMED, _is_lost(reached))).order_by(RunRow.due_at).limit(SWEEP_LIMIT)
    return query.with_for_update(skip_locked=True, key_share=True)


def _is_lost(reached: Mapping[str, datetime]) -> ColumnElement[bool]:
    """Everything that was sent into the run's queue after it has been through already."""
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
        elif row.losses >= MOST_LOSSES:
            found.hopeless.append(row)
        else:
            found.lost.append(row)
    return found


_SEND = (
    update(RunRow)
    .where(among(RunRow.id, "ids"))
    .values(
        hold=Hold.NONE,
        version=RunRow.version + 1,
        sent_at=clock(),
        due_at=later(PATIENCE),
        updated_at=clock(),
    )
    .execution_options(synchronize_session=False)
)
_LOST = _SEND.values(losses=RunRow.losses + 1)


def _mark(session: Session, statement: Any, rows: Sequence[Any]) -> None:
    if rows:
        session.execute(statement, {"ids": [row.id for row in rows]})


def _give_up(session: Session, rows: Sequence[Any]) -> None:
    if rows:
        log.error("runs vanished with their workers too often: %s", [row.id for row in rows])
        give_up(session, claim.lock(session, [row.id for row in rows]))


def _send(found: Found) -> int:
    """Runs that were lost before travel alone: one of them may be what kills its worker."""
    together = [row for row in found.send + found.lost if not row.losses]
    alone = [row for row in found.send + found.lost if row.losses]
    if together:
        send_all(map(_parcel, together), WAVE)
    if alone:
        send_all(map(_parcel, alone), 1)
    return len(together) + len(alone)


def _parcel(row: Any) -> tuple[Place, str]:
    return Place(plans.known(row.plan_id), row.step, row.direction), row.id
