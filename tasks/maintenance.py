"""House-keeping, run by the clock. Each is safe to run twice, at the same time or late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

import engine
from celery_app import app
from config import settings
from db import in_transaction
from engine.prune import prune_finished
from shop import carts, commands, order_privacy, reconciliations, reservations, sessions


def _until_none(batch: Callable[[Session], int]) -> None:
    """Batch after batch, each in a transaction of its own, so that nobody waits long for a lock."""
    while in_transaction(batch):
        pass


@app.task(name="maintenance.release_expired_reservations")
def release_expired_reservations(**_: Any) -> None:
    _until_none(reservations.release_expired)


@app.task(name="maintenance.prune_finished_runs")
def prune_finished_runs(**_: Any) -> None:
    prune_finished(settings().keep_finished_days)


@app.task(name="maintenance.reconcile_payments")
def reconcile_payments(**_: Any) -> None:
    """Yesterday's, once, however often it is asked for."""
    if settings().payment_provider != "instant":  # which keeps no ledger
        in_transaction(_reconcile_yesterday)


def _reconcile_yesterday(session: Session) -> None:
    id = reconciliations.open_yesterday(session, settings().payment_provider)
    if id:
        engine.start(session, engine.workflows["reconcile_payments"], key=id, subject=("reconciliation", id))


@app.task(name="maintenance.prune_commands")
def prune_commands(**_: Any) -> None:
    _until_none(commands.prune_commands)


@app.task(name="maintenance.prune_sessions")
def prune_sessions(**_: Any) -> None:
    _until_none(sessions.prune_sessions)


@app.task(name="maintenance.forget_customers")
def forget_customers(**_: Any) -> None:
    """Of orders that are over and whose customers have deleted their accounts."""
    _until_none(_forget_a_batch)


def _forget_a_batch(session: Session) -> int:
    due = order_privacy.due(session, engine.busy("order"))
    order_privacy.forget(session, due)
    return len(due)


@app.task(name="maintenance.expire_carts")
def expire_carts(**_: Any) -> None:
    _until_none(carts.prune)
