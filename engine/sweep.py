"""Recovery, retry and delay are one query: whatever is due, by the database's clock.

Due is a first dispatch that never left, a lost message, a backoff that ran out, the lease of a dead worker,
the deadline of a wait. Every worker sweeps; SKIP LOCKED keeps two from taking the same run.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from celery_app import queue_of
from db import in_transaction, reading
from engine import claim, lanes, plans
from engine.dispatch import Place, send_all
from engine.settle import give_up
from engine.states import Hold
from engine.tables import RunRow
from engine.timing import MOST_LOSSES, PATIENCE, SLACK, SWEEP_LIMIT, WAVE
from sql import age, among, clock, later, now

log = logging.getLogger(__name__)

_ANY_DUE = select(exists().where(RunRow.due_at <= now()))
_DUE = (
    select(
        RunRow.id,
        RunRow.plan_id,
        RunRow.step,
        RunRow.direction,
        RunRow.task,
        RunRow.hold,
        RunRow.losses,
        RunRow.sent_at,
        age(RunRow.sent_at).label("age"),
        (RunRow.lease_until > now()).label("leased"),
        age(RunRow.lease_until).label("since_lease"),
    )
    .where(RunRow.due_at <= now())
    .order_by(RunRow.due_at)
    .limit(SWEEP_LIMIT)
    .with_for_update(skip_locked=True, key_share=True)
)


@dataclass
class Found:
    """What one sweep came upon."""

    send: list[Any] = field(default_factory=list)  # held back until now: their time has come
    lost: list[Any] = field(default_factory=list)  # their message or their worker is gone
    hopeless: list[Any] = field(default_factory=list)  # gone too often
    look_later: list[Any] = field(default_factory=list)  # behind a backlog, or in a living worker's call
    probes: dict[str, datetime] = field(default_factory=dict)


def sweep() -> int:
    """One look. Returns how many runs were sent on their way."""
    with reading() as session:
        if not session.scalar(_ANY_DUE):
            return 0
    found = in_transaction(_take)
    for queue, at in found.probes.items():
        lanes.send_probe(queue, at)
    return _send(found)


def _take(session: Session) -> Found:
    found = _sort(session.execute(_DUE).all(), lanes.reached(session))
    later_by: dict[float, list[Any]] = defaultdict(list)
    plans.load(session, {row.plan_id for row in found.send + found.lost})
    found.probes = lanes.claim_probes(
        session, {queue_of(row.task) for row in found.look_later if row.hold == Hold.NONE}
    )
    _give_up(session, found.hopeless)
    _mark(session, _SEND, found.send, PATIENCE)
    _mark(session, _LOST, found.lost, PATIENCE)
    for row in found.look_later:
        later_by[_pause(row)].append(row)
    for pause, rows in later_by.items():
        _mark(session, _LATER, rows, pause)
    return found


def _pause(row: Any) -> float:
    """Until its lease ends; else the longer it has been under way, the more rarely: 5, 10, 20, 40 seconds."""
    if row.hold == Hold.CALL:
        return float(math.ceil(-row.since_lease))
    doublings = max(0, math.frexp(row.age / PATIENCE)[1] - 1)
    return PATIENCE * float(2 ** min(doublings, 3))


def _sort(rows: Sequence[Any], reached: dict[str, datetime]) -> Found:
    found = Found()
    for row in rows:
        if row.hold in (Hold.BACKOFF, Hold.WAIT):
            found.send.append(row)
        elif row.leased if row.hold == Hold.CALL else not _lost(row, reached):
            found.look_later.append(row)
        elif row.losses >= MOST_LOSSES:
            found.hopeless.append(row)
        else:
            found.lost.append(row)
    return found


def _lost(row: Any, reached: dict[str, datetime]) -> bool:
    """Whether everything sent after this run, into the same queue, has been through already."""
    mark = reached.get(queue_of(row.task))
    return mark is not None and row.sent_at + timedelta(seconds=SLACK) < mark


_SEND = (
    update(RunRow)
    .where(among(RunRow.id, "ids"))
    .values(
        hold=Hold.NONE,
        version=RunRow.version + 1,
        sent_at=clock(),
        due_at=later(bindparam("due")),
        updated_at=clock(),
    )
    .execution_options(synchronize_session=False)
)
_LOST = _SEND.values(losses=RunRow.losses + 1)
_LATER = (
    update(RunRow)
    .where(among(RunRow.id, "ids"))
    .values(due_at=later(bindparam("due")))
    .execution_options(synchronize_session=False)
)


def _mark(session: Session, statement: Any, rows: Sequence[Any], due: float) -> None:
    if rows:
        session.execute(statement, {"ids": [row.id for row in rows], "due": due})


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
