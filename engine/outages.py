"""Runs that wait for a gateway: a few are woken to probe it, all go on once it is back, and the outage is logged.

Every worker looks about once a second; what one worker has done, another finds done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, Update, and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session

from db import in_transaction, reading
from db.functions import chance, in_list, in_seconds, statement_time, transaction_time
from engine import breaker
from engine.limits import BACK, FORGET, OPENS, PROBES, RELEASE, REST, SWEEP_LIMIT, TELL
from engine.states import Hold
from engine.tables import GatewayRow, RunRow

log = structlog.get_logger(__name__)

MISCONFIGURED = "_misconfigured"
"""How the codes end of outages that waiting does not mend: an operator must correct a setting."""


@dataclass(frozen=True)
class Outage:
    """A gateway that is away: since when, by which code, and how many runs wait for it."""

    gateway: str
    since: datetime
    code: str
    waiting: int

    @property
    def misconfigured(self) -> bool:
        return self.code.endswith(MISCONFIGURED)


def look() -> None:
    """Read the breakers' state into this process and do what is due for each gateway.

    That is: release its runs, wake probes, log the outage, forget the gateway. Costs one small query while none fails.
    """
    with reading() as session:
        rows = session.execute(_IN_TROUBLE).all()
    breaker.troubled = {row.name: row.failures >= OPENS for row in rows if row.failures}
    for row in rows:
        if row.let_go:
            in_transaction(partial(_let_go, name=row.name))
        if row.probe:
            in_transaction(partial(_wake_probes, name=row.name))
        if row.tell:
            _tell(row.name)
        if row.forget:
            in_transaction(partial(_forget, name=row.name))


def outages(session: Session) -> list[Outage]:
    """Return the gateways that are away now, sorted by name."""
    waiting = select(func.count()).where(RunRow.waiting_for == GatewayRow.name).scalar_subquery()
    found = session.execute(
        select(GatewayRow.name, GatewayRow.away_since, GatewayRow.code, waiting)
        .where(GatewayRow.away_since.is_not(None))
        .order_by(GatewayRow.name)
    )
    return [Outage(*row) for row in found]


_ROW = GatewayRow
_WAITS = and_(RunRow.waiting_for == _ROW.name, RunRow.hold == Hold.BACKOFF)
_LET_GO = and_(_ROW.back_at.is_not(None), exists().where(_WAITS, RunRow.due_at > in_seconds(RELEASE)))
_PROBE = and_(
    _ROW.probe_at <= transaction_time(),
    or_(_ROW.woken_at.is_(None), _ROW.woken_at < _ROW.probe_at, _ROW.woken_at < in_seconds(-REST)),
)
_WAITED_FOR = exists().where(_WAITS)
_TELL = and_(_ROW.away_since.is_not(None), _WAITED_FOR, or_(_ROW.told_at.is_(None), _ROW.told_at <= in_seconds(-TELL)))
_FORGET = and_(_ROW.probe_at < in_seconds(-FORGET), not_(_WAITED_FOR))
_IN_TROUBLE = select(
    *(_ROW.name, _ROW.failures, _LET_GO.label("let_go"), _PROBE.label("probe"), _TELL.label("tell")),
    _FORGET.label("forget"),
).where(or_(_ROW.failures > 0, _ROW.back_at > in_seconds(-BACK)))


def _wake_probes(session: Session, name: str) -> None:
    """Wake some of the waiting runs to probe, when a probe is due and no other run comes by.

    They are drawn by lot: one of them may fail for a reason of its own.
    """
    if _first(session, name, _PROBE, woken_at=statement_time()):
        _move(session, _waiting(name).order_by(chance()).limit(PROBES), statement_time())


def _forget(session: Session, name: str) -> None:
    """Delete the row of a gateway that was not called for a day and that no run waits for (a deleted endpoint, say)."""
    session.execute(delete(_ROW).where(_ROW.name == name, _FORGET).execution_options(synchronize_session=False))


def _first(session: Session, name: str, due: ColumnElement[bool], **noted: Any) -> bool:
    """Write `noted` if this is still `due`; return whether this worker was the first and has to do it."""
    noting = update(_ROW).where(_ROW.name == name, due).values(noted).returning(_ROW.name)
    return session.scalar(noting.execution_options(synchronize_session=False)) is not None


def _let_go(session: Session, name: str) -> None:
    """Let the runs that waited for this gateway go on, spread over RELEASE seconds, however long their backoff was."""
    resting = _waiting(name).where(RunRow.due_at > in_seconds(RELEASE))
    gone = _move(session, resting.order_by(RunRow.id).limit(SWEEP_LIMIT), in_seconds(chance() * RELEASE))
    if gone:
        log.info("runs that waited for a gateway go on", gateway=name, runs=gone)


def _waiting(name: str) -> Select[Any]:
    return select(RunRow.id).where(RunRow.waiting_for == name, RunRow.hold == Hold.BACKOFF)


def _move(session: Session, which: Select[Any], due: Any) -> int:
    ids: Sequence[str] = session.scalars(which.with_for_update(skip_locked=True, key_share=True)).all()
    if ids:
        session.execute(_DUE.values(due_at=due), {"ids": list(ids)})
    return len(ids)


_DUE: Update = update(RunRow).where(in_list(RunRow.id, "ids")).execution_options(synchronize_session=False)


def _tell(name: str) -> None:
    """Log the outage, once in TELL seconds over all workers."""
    told = in_transaction(lambda session: _outage_to_tell(session, name))
    if told:
        say = log.error if told.misconfigured else log.warning
        about = {"gateway": name, "code": told.code, "since": told.since.isoformat()}
        say("runs wait for a gateway that is away", **about, waiting=told.waiting)


def _outage_to_tell(session: Session, name: str) -> Outage | None:
    if not _first(session, name, _TELL, told_at=statement_time()):
        return None
    return next((outage for outage in outages(session) if outage.gateway == name), None)
