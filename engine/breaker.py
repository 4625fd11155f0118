"""A circuit breaker for each gateway: one that is away is probed by a few calls, while the others wait without any.

What is known stands in the database, so that all workers know the same; each looks about once a second (`outages.py`).
A process that knows of no trouble asks nobody, so that where all goes well this costs nothing.
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
"""Gateways that failed lately, as this process has last heard, and whether they count as away."""

_answered: dict[str, float] = {}
"""When this process was last answered by each."""


def is_away(name: str | None) -> bool:
    return troubled.get(name, False) if name else False


def admit(session: Session, step: StepTask, name: str, wanted: int) -> tuple[int, tuple[str, str]]:
    """How many of so many calls may be made now, as probes; and why not the others, as code and detail.

    All may, if it is back and this process has not heard of it yet.
    """
    row = session.scalar(for_update(select(GatewayRow).where(GatewayRow.name == name)))
    if row is None or row.away_since is None:
        return wanted, ("", "")
    pause = min(2 * row.pause, step.probe)
    probing = _of(name).where(GatewayRow.probe_at <= transaction_time()).values(probe_at=in_seconds(pause), pause=pause)
    won = session.scalar(probing.returning(GatewayRow.name)) is not None
    return min(PROBES, wanted) * won, (row.code, row.detail)


def note(answers: Iterable[tuple[str | None, Result]]) -> None:
    """Learn from how calls ended. Whoever answers anything at all, a no included, is there."""
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
    """For tests: this process has heard of nobody."""
    troubled.clear()
    _answered.clear()


def _heard_of(name: str) -> None:
    _answered[name] = time.monotonic()
    if name in troubled:
        _write(partial(_is_back, name=name))


def _write(change: Callable[[Session], object]) -> None:
    """In a transaction of its own, after the answers are recorded: what is not written, the next call will tell."""
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
