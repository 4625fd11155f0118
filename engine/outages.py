"""Looking after those who wait for a gateway: a few are woken to probe it, all go on once it is back, and it is told.

Every worker looks about once a second; what one has done, another finds done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Select, Update, func, or_, select, update
from sqlalchemy.orm import Session

from db import in_transaction, reading
from engine import breaker
from engine.states import Hold
from engine.tables import GatewayRow, RunRow
from engine.timing import BACK, OPENS, PROBES, RELEASE, REST, SWEEP_LIMIT, TELL
from sql import among, chance, clock, later, now

log = structlog.get_logger(__name__)

MISCONFIGURED = "_misconfigured"
"""How the codes end that no waiting mends: somebody must correct a setting."""


@dataclass(frozen=True)
class Outage:
    """Who is away, since when and why, and how many runs wait for them."""

    gateway: str
    since: datetime
    code: str
    waiting: int

    @property
    def misconfigured(self) -> bool:
        return self.code.endswith(MISCONFIGURED)


def look() -> None:
    """One look. Costs one small query while nobody is in trouble."""
    with reading() as session:
        rows = session.scalars(_IN_TROUBLE).all()
    breaker.troubled = {row.name: row.failures >= OPENS for row in rows if row.failures}
    for row in rows:
        if row.away_since is None:
            in_transaction(partial(_let_go, name=row.name))
        else:
            in_transaction(partial(_wake_probes, name=row.name))
            _tell(row.name)


def outages(session: Session) -> list[Outage]:
    """Who is away now, by name."""
    waiting = select(func.count()).where(RunRow.waiting_for == GatewayRow.name).scalar_subquery()
    found = session.execute(
        select(GatewayRow.name, GatewayRow.away_since, GatewayRow.code, waiting)
        .where(GatewayRow.away_since.is_not(None))
        .order_by(GatewayRow.name)
    )
    return [Outage(*row) for row in found]


_IN_TROUBLE = select(GatewayRow).where(or_(GatewayRow.failures > 0, GatewayRow.back_at > later(-BACK)))


def _wake_probes(session: Session, name: str) -> None:
    """When a probe is due and nobody happens to come by, some of those who wait make it, drawn by lot: one of them
    may have a trouble all of its own."""
    row = GatewayRow
    asleep = or_(row.woken_at.is_(None), row.woken_at < row.probe_at, row.woken_at < later(-REST))
    waking = update(row).where(row.name == name, row.probe_at <= now(), asleep).values(woken_at=clock())
    if session.scalar(waking.returning(row.name).execution_options(synchronize_session=False)):
        _move(session, _waiting(name).order_by(chance()).limit(PROBES), clock())


def _let_go(session: Session, name: str) -> None:
    """It is back: those who waited go on, spread over a few seconds, also if they asked to rest longer than that."""
    resting = _waiting(name).where(RunRow.due_at > later(RELEASE))
    gone = _move(session, resting.order_by(RunRow.id).limit(SWEEP_LIMIT), later(chance() * RELEASE))
    if gone:
        log.info("runs that waited for a gateway go on", gateway=name, runs=gone)


def _waiting(name: str) -> Select[Any]:
    return select(RunRow.id).where(RunRow.waiting_for == name, RunRow.hold == Hold.BACKOFF)


def _move(session: Session, which: Select[Any], due: Any) -> int:
    ids: Sequence[str] = session.scalars(which.with_for_update(skip_locked=True, key_share=True)).all()
    if ids:
        session.execute(_DUE.values(due_at=due), {"ids": list(ids)})
    return len(ids)


_DUE: Update = update(RunRow).where(among(RunRow.id, "ids")).execution_options(synchronize_session=False)


def _tell(name: str) -> None:
    """Once a minute, by whoever comes first."""
    told = in_transaction(lambda session: _outage_to_tell(session, name))
    if told:
        say = log.error if told.misconfigured else log.warning
        about = {"gateway": name, "code": told.code, "since": told.since.isoformat()}
        say("runs wait for a gateway that is away", **about, waiting=told.waiting)


def _outage_to_tell(session: Session, name: str) -> Outage | None:
    row = GatewayRow
    due = or_(row.told_at.is_(None), row.told_at <= later(-TELL))
    telling = update(row).where(row.name == name, row.away_since.is_not(None), due).values(told_at=clock())
    if session.scalar(telling.returning(row.name).execution_options(synchronize_session=False)) is None:
        return None
    return next((outage for outage in outages(session) if outage.gateway == name), None)
