"""The bare chain: one Celery chain per order, one transaction per step, without journal or undo.

Acks are late and results go to Redis where there is one. After a killed worker a step may run twice, and with it the
rest of the chain; an order whose publish fails is lost.
"""

from __future__ import annotations

from celery import Celery, chain
from sqlalchemy.orm import Session

import litebroker  # noqa: F401 - registers the litebroker:// transport with kombu
from benchmarks.peers import steps
from benchmarks.peers.database import transaction
from config import settings

app = Celery("bare", broker=settings().broker_url, backend=settings().redis_url)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue=settings().queue_prefix + "bare",
    control_exchange=settings().queue_prefix + "control",
    result_backend_transport_options={"global_keyprefix": settings().queue_prefix},
    task_ignore_result=not settings().redis_url,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bare.reserve")
def reserve(order_id: str) -> None:
    with transaction() as session:
        steps.reserve(session, order_id)


@app.task(name="bare.charge")
def charge(order_id: str) -> None:
    with transaction() as session:
        steps.charge(session, order_id)


@app.task(name="bare.confirm")
def confirm(order_id: str) -> None:
    with transaction() as session:
        steps.confirm(session, order_id)


@app.task(name="bare.notify")
def notify(order_id: str) -> None:
    with transaction() as session:
        steps.notify(session, order_id)


def begin(session: Session, order_id: str) -> None:
    """Write nothing: the chain exists only as messages."""


def hand_over(order_id: str) -> None:
    """Publish the chain, as a view does after its commit."""
    chain(*(task.si(order_id) for task in (reserve, charge, confirm, notify))).apply_async()
