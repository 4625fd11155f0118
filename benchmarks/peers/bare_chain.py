"""The peer: what a team writes by hand. One Celery chain an order, one transaction a step, no journal.

The steps do the shop's own SQL, through the same functions of `shop/`, for one order at a time. Acks are late.
"""

from __future__ import annotations

import os

from celery import Celery, chain

import litebroker  # noqa: F401 - the transport
from config import settings
from db import transaction
from engine.claim import Run
from engine.plan import Plan, PlannedStep
from engine.steps import Answer, Done, StepTask
from shop import orders, reservations
from shop.orders import Status
from tasks import notifications as mailing
from tasks import payments as charging

app = Celery("bare", broker=settings().broker_url, backend=os.environ.get("PEER_RESULTS") or None)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_default_queue=settings().queue_prefix + "bare",
    task_ignore_result=not os.environ.get("PEER_RESULTS"),
    broker_transport_options={"confirm_publish": True} if settings().on_rabbitmq else {},
)


@app.task(name="bare.reserve")
def reserve(order_id: str) -> None:
    with transaction() as session:
        assert not reservations.reserve(session, orders.wants(session, [order_id]))


@app.task(name="bare.charge")
def charge(order_id: str) -> None:
    _call(charging.charge, order_id, "charge_payment")


@app.task(name="bare.confirm")
def confirm(order_id: str) -> None:
    with transaction() as session:
        assert not reservations.sell(session, [order_id])
        orders.move(session, [order_id], Status.CONFIRMED, "paid")


@app.task(name="bare.notify")
def notify(order_id: str) -> None:
    _call(mailing.order_confirmed, order_id, "notify_customer")


def start(order_id: str) -> None:
    """What a view does after its commit."""
    chain(*(task.si(order_id) for task in (reserve, charge, confirm, notify))).apply_async()


def _call(step: StepTask, order_id: str, name: str) -> None:
    """The shop's own fetch, call and remember, for one order."""
    assert step.fetch is not None
    assert step.call is not None
    assert step.remember is not None
    run = _alone(order_id, name)
    with transaction() as session:
        request = step.fetch(session, [run])[run.id]
    output = step.call(request, run.key)
    with transaction() as session:
        step.remember(session, [Answer(run, request, Done(output))])


def _alone(order_id: str, step: str) -> Run:
    """The one order, in the shape the shop's fetch and remember functions take."""
    plan = Plan("bare", "bare", (PlannedStep(step, "", None, False),))
    return Run(order_id, plan, 0, "do", 0, 0, order_id, {}, None, False, False, False, False, 0)
