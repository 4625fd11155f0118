"""Repair of stored times after the database's clock was set back.

The times by which the engine finds lost runs, dead workers and the end of a pause would otherwise keep it waiting for
as long as the clock was set back. Deadlines (of a wait, of a run) stay what they were.
"""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import case, exists, or_, select, update
from sqlalchemy.orm import Session

from db.functions import age, in_list, in_seconds, statement_time
from engine.limits import LEASE, LONGEST_RETRY_AFTER, PATIENCE, SLACK
from engine.states import Hold
from engine.tables import GatewayRow, QueueProbeRow, RunRow

log = structlog.get_logger(__name__)

_RECOVERABLE = RunRow.hold.in_((Hold.NONE, Hold.CALL, Hold.BACKOFF))


def _runs(beyond: float) -> Any:
    """Select the runs whose times lie more than so many seconds further ahead than they can."""
    leased = (RunRow.hold == Hold.CALL) & (RunRow.lease_until > in_seconds(LEASE + beyond))
    return select(RunRow.id).where(
        RunRow.due_at.is_not(None), _RECOVERABLE, or_(RunRow.sent_at > in_seconds(beyond), leased)
    )


def _lanes(beyond: float) -> Any:
    return or_(QueueProbeRow.reached_at > in_seconds(beyond), QueueProbeRow.probed_at > in_seconds(beyond))


def _gateways(beyond: float) -> Any:
    """Match the gateways that would be probed too late, or not at all."""
    row = GatewayRow
    happened = (moment > in_seconds(beyond) for moment in (row.away_since, row.woken_at, row.told_at, row.back_at))
    return or_(row.probe_at > in_seconds(LONGEST_RETRY_AFTER + beyond), *happened)


def _not_to_come(moment: Any) -> Any:
    return case((moment > statement_time(), statement_time()), else_=moment)


_RUNS = _runs(SLACK)

_PAUSE = age(RunRow.sent_at) - age(RunRow.due_at)  # its whole length: how much of it has passed is unknown
_RUNS_ANEW: Any = (
    update(RunRow)
    .where(in_list(RunRow.id, "ids"))
    .values(
        due_at=case((RunRow.hold == Hold.BACKOFF, in_seconds(_PAUSE)), else_=in_seconds(PATIENCE)),
        lease_until=case((RunRow.hold == Hold.CALL, in_seconds(LEASE)), else_=RunRow.lease_until),
        sent_at=statement_time(),
    )
    .execution_options(synchronize_session=False)
)
_LANES_ANEW: Any = update(QueueProbeRow).where(_lanes(SLACK)).values(reached_at=None, probed_at=None)
_GATEWAYS_ANEW: Any = (
    update(GatewayRow)
    .where(_gateways(SLACK))
    .values(
        away_since=_not_to_come(GatewayRow.away_since),
        probe_at=_not_to_come(GatewayRow.probe_at),
        back_at=_not_to_come(GatewayRow.back_at),
        woken_at=None,
        told_at=None,
    )
)


def found(session: Session, beyond: float = SLACK) -> bool:
    """Return whether a stored time lies more than `beyond` seconds further in the future than it can."""
    lanes = select(QueueProbeRow.queue).where(_lanes(beyond))
    gateways = select(GatewayRow.name).where(_gateways(beyond))
    return bool(session.scalar(select(or_(exists(_runs(beyond)), exists(lanes), exists(gateways)))))


def mend(session: Session) -> int:
    """Write new times, from now, over those that lie too far in the future. Returns how many runs were changed.

    Skips rows that are locked; safe to call again.
    """
    ids = session.scalars(_RUNS.order_by(RunRow.id).with_for_update(skip_locked=True, key_share=True)).all()
    session.execute(_RUNS_ANEW, {"ids": ids})
    for anew in (_LANES_ANEW, _GATEWAYS_ANEW):
        session.execute(anew.execution_options(synchronize_session=False))
    log.warning("the clock was set back", runs=len(ids))
    return len(ids)
