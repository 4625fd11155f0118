"""Comparing the provider's ledger with ours: page after page, each in a transaction of its own, then all at once.

Fetching takes as long as it takes, under a lease that another worker takes over when this one dies.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

import gateways.payments as provider
from config import settings
from db import in_transaction
from engine import DAYS, FINAL, Done, Run, jobs, local_step, on_failed, remote_step
from engine.outcomes import Refused
from engine.tables import RunRow
from gateways.payments import PAYMENT_PROVIDER
from shop.reconciliation import carry_over, comparison, reports
from shop.reconciliation.reports import DIFFERENCES, Moved, NextPage

log = logging.getLogger(__name__)


def _wanted(session: Session, runs: Sequence[Run]) -> Mapping[str, tuple[str, str]]:
    return {run.id: (run.id, run.subject_id) for run in runs}


@remote_step("reconciliations.fetch", fetch=_wanted, retry=DAYS, gateway=PAYMENT_PROVIDER)
def fetch(request: tuple[str, str], key: str) -> None:
    """Fetch the provider's ledger, from the first page not yet stored.

    Raises Refused when the job is cancelled or the provider has changed.
    """
    while page := in_transaction(lambda session: _next_page(session, *request)):
        _take(request[1], page)


def _next_page(session: Session, run: str, id: str) -> NextPage | None:
    job, row = jobs.get(session, run), reports.get(session, id)
    if job is None or job.cancel_requested:
        raise Refused("cancelled", "cancelled on request; nothing was compared")
    if row.provider != settings().payment_provider:
        raise Refused("another_provider", f"payments go by {settings().payment_provider} now, not by {row.provider}")
    return reports.next_page(session, id)


def _take(id: str, page: NextPage) -> None:
    found = provider.payments().ledger(page.since, page.until, page.cursor)
    moved = [Moved(one.kind, one.provider_id, one.amount, one.currency, one.reference, one.at) for one in found.entries]
    in_transaction(lambda session: reports.take_page(session, id, page.number, moved, found.next))


@local_step("reconciliations.compare")
def compare(session: Session, runs: Sequence[Run]) -> Mapping[str, Done]:
    """Compare the ledgers. Differences are counted and logged, and left as they are."""
    moving = select(RunRow.subject_id).where(RunRow.state.not_in(FINAL), RunRow.id.not_in([run.id for run in runs]))
    return {run.id: Done(_compared(session, run.subject_id, moving)) for run in runs}


def _compared(session: Session, id: str, moving: Select[str]) -> dict[str, object]:
    found = comparison.compare(session, id, moving)
    if any(found[verdict] for verdict in DIFFERENCES):
        told = ", ".join(f"{found[verdict]} {verdict}" for verdict in DIFFERENCES)
        log.warning("reconciliation %s: the ledgers differ: %s", id, told)
    return {"reconciliation_id": id, **found, "looked_again": _closed(session, id)}


def _closed(session: Session, id: str) -> carry_over.Closed:
    """Count what was under way in earlier reports and is no longer; log what became a difference."""
    found = carry_over.closed(session, id)
    for report, come_to in found.items():
        if differing := {verdict: number for verdict, number in come_to.items() if verdict in DIFFERENCES}:
            log.warning("reconciliation %s: what was under way has become a difference: %s", report, differing)
    return found


@on_failed("reconciliations.drop")
def drop(session: Session, runs: Sequence[Run]) -> None:
    reports.drop_lines(session, [run.subject_id for run in runs])
