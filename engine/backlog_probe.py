"""Probes of queues, which tell a lost message from one that waits in a long queue.

A backlog is not a loss: with 20,000 runs queued in the broker nothing must be sent twice. So the sweep sends
a probe, a tiny message, into the queue behind the backlog. When it comes out again, everything that was sent
before it has come out too, or is lost. Until then, a run that is overdue is merely looked at later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, bindparam, not_, or_, select, update
from sqlalchemy.orm import Session

from celery_app import app
from db import in_transaction
from db.functions import in_seconds, transaction_time
from db.schema import Moment
from db.statements import upsert
from engine.limits import PROBE, SLACK
from engine.tables import QueueProbeRow

log = logging.getLogger(__name__)


def reached(session: Session) -> dict[str, datetime]:
    """Return for each queue the moment up to which everything sent into it has come out.

    Moments in the future, stored before the clock was set back, are left out.
    """
    rows = session.execute(
        select(QueueProbeRow.queue, QueueProbeRow.reached_at).where(QueueProbeRow.reached_at <= transaction_time())
    )
    return {queue: at for queue, at in rows if at}


def claim_probes(session: Session, queues: Iterable[str]) -> dict[str, datetime]:
    """Reserve the probe of each queue that has none under way. Returns those queues with the time to send."""
    return {queue: at for queue in sorted(queues) if (at := _claim(session, queue)) is not None}


def _claim(session: Session, queue: str) -> datetime | None:
    session.execute(upsert(session, QueueProbeRow).values(queue=queue).on_conflict_do_nothing())
    lane = QueueProbeRow
    under_way = and_(lane.probed_at > in_seconds(-PROBE), lane.probed_at <= in_seconds(SLACK))  # now: its begin
    idle = or_(lane.probed_at.is_(None), lane.probed_at <= lane.reached_at, not_(under_way))
    return session.scalar(
        update(lane)
        .where(lane.queue == queue, idle)
        .values(probed_at=transaction_time())
        .returning(lane.probed_at)
        .execution_options(synchronize_session=False)
    )


def send_probe(queue: str, at: datetime) -> None:
    app.send_task("engine.probe", args=(queue, at.isoformat()), queue=queue, retry=False)


@app.task(name="engine.probe")
def probe(queue: str, at: str, **_: object) -> None:
    """Record that everything sent into this queue before `at` has come out.

    A forged `at` in the future, or later than the last probe sent, is ignored.
    """
    moment = datetime.fromisoformat(at)
    sent = bindparam("at", type_=Moment())
    newer = or_(
        QueueProbeRow.reached_at.is_(None),
        QueueProbeRow.reached_at < sent,
        QueueProbeRow.reached_at > in_seconds(SLACK),
    )
    in_transaction(
        lambda session: session.execute(
            update(QueueProbeRow)
            .where(QueueProbeRow.queue == queue, newer, QueueProbeRow.probed_at >= sent, sent <= transaction_time())
            .values(reached_at=sent)
            .execution_options(synchronize_session=False),
            {"at": moment},
        )
    )
