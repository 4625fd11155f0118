"""House-keeping, run by the clock. Each is safe to run twice, at the same time or late."""

from __future__ import annotations

from typing import Any

from celery_app import app
from config import settings
from db import in_transaction
from engine.prune import prune_finished
from shop import carts, reservations


@app.task(name="maintenance.release_expired_reservations")
def release_expired_reservations(**_: Any) -> None:
    while in_transaction(reservations.release_expired):
        pass


@app.task(name="maintenance.prune_finished_runs")
def prune_finished_runs(**_: Any) -> None:
    prune_finished(settings().keep_finished_days)


@app.task(name="maintenance.expire_carts")
def expire_carts(**_: Any) -> None:
    while in_transaction(carts.prune):
        pass
