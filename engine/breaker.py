"""A circuit breaker for each gateway: one that is away is probed by a few calls, while the other runs wait.

Its state is in the database, so that all workers know the same; each reads it about once a second (`outages.py`).
A process that knows of no failing gateway reads nothing, so that where all goes well this costs nothing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from db import TROUBLE, in_transaction
from db.functions import in_seconds, statement_time, transaction_time
from db.statements import for_update, upsert
from engine.limits import LONGEST_RETRY_AFTER, OPENS, PROBE_PAUSE, PROBES, TRUST
from engine.outcomes import TryAgain
from engine.steps import Result, StepTask
from engine.tables import GatewayRow

log = structlog.get_logger(__name__)

troubled: dict[str, bool] = {}
"""Gateways that failed lately, as this process last read, with whether they count as away."""

_answered: dict[str, float] = {}
"""When each gateway last answered this process, by `time.monotonic()`."""


def is_away(name: str | None) -> bool:
    return troubled.get(name, False) if name else False


def admit(session: Session, step: StepTask, name: str, wanted: int) -> tuple[int, tuple[str, str]]:
    """Lock the gateway's row and return how many of `wanted` calls may be made now, as probes.

    Also returns code and detail of its last failure, for the runs that must wait. All of `wanted` may be made if the
    gateway is back and this process has not read so yet.
    """
    row = session.scalar(for_update(select(GatewayRow).where(GatewayRow.name == name)))
    if row is None or row.away_since is None:
        return wanted, ("", "")
    pause = min(2 * row.pause, step.probe)
    probing = _of(name).where(GatewayRow.probe_at <= transaction_time()).values(probe_at=in_seconds(pause), pause=pause)
    won = session.scalar(probing.returning(GatewayRow.name)) is not None
    return min(PROBES, wanted) * won, (row.code, row.detail)


def note(answers: Iterable[tuple[str | None, Result]]) -> None:
    """Open or close breakers by the results of calls. A gateway that answered anything, a refusal included, is there.

    Must be called outside of a transaction: each change is one of its own. An absent database is only logged.
    """
    absent: dict[str, list[TryAgain]] = defaultdict(list)
    present: set[str] = set()
    for name, result in answers:
        if not name:
            continue
        if not isinstance(result, TryAgain) or result.answered:
            present.add(name)
        elif result.away:
            absent[name].append(result)
    for name in present:
        _heard_of(name)
    for name in absent.keys() - present:
        if _answered.get(name, 0.0) < time.monotonic() - TRUST:
            _write(partial(_failed, name=name, failures=absent[name]))


def forget() -> None:
    """Empty what this process knows of gateways, for tests."""
    troubled.clear()
    _answered.clear()


def _heard_of(name: str) -> None:
    _answered[name] = time.monotonic()
    if name in troubled:
        _write(partial(_is_back, name=name))


def _write(change: Callable[[Session], object]) -> None:
    """Write in a transaction of its own, after the answers are recorded. A lost change is made by the next call."""
    try:
        in_transaction(change)
    except TROUBLE as error:
        log.warning("how a gateway fares could not be written", error=type(error).__name__)


def _failed(session: Session, name: str, failures: Sequence[TryAgain]) -> None:
    row, last = GatewayRow, failures[-1]
    said = {"code": last.code, "detail": last.detail}
    fresh = upsert(session, row).values(name=name, failures=len(failures), pause=0, **said)
    more = {"failures": row.failures + len(failures), **said}
    session.execute(fresh.on_conflict_do_update(index_elements=["name"], set_=more))
    found = session.scalars(for_update(select(row).where(row.name == name))).one()
    troubled[name] = found.failures >= OPENS
    if troubled[name]:
        asked = min(max(failure.after or 0.0 for failure in failures), LONGEST_RETRY_AFTER)
        session.execute(_of(name).values(**_opened(found), probe_at=in_seconds(max(found.pause, PROBE_PAUSE, asked))))


def _opened(row: GatewayRow) -> dict[str, Any]:
    return (
        {}
        if row.away_since
        else {"away_since": statement_time(), "back_at": None, "pause": PROBE_PAUSE, "told_at": None}
    )


def _is_back(session: Session, name: str) -> None:
    since = session.scalar(select(GatewayRow.away_since).where(GatewayRow.name == name).with_for_update())
    well = {
        "failures": 0,
        "away_since": None,
        "probe_at": None,
        "pause": 0,
        "back_at": statement_time() if since else None,
    }
    session.execute(_of(name).where(GatewayRow.failures > 0).values(**well))
    troubled.pop(name, None)
    if since:
        log.info("a gateway is back", gateway=name, since=since.isoformat())


def _of(name: str) -> Update:
    return update(GatewayRow).where(GatewayRow.name == name).execution_options(synchronize_session=False)
