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
from engine.plan import Plan
from engine.steps import Answer, Done
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
    run = _alone(order_id, "charge_payment")
    with transaction() as session:
        request = charging._charges(session, [run])[run.id]
    assert charging.charge.call is not None
    output = charging.charge.call(request, run.key)
    with transaction() as session:
        charging._charged(session, [Answer(run, request, Done(output))])


@app.task(name="bare.confirm")
def confirm(order_id: str) -> None:
    with transaction() as session:
        assert not reservations.sell(session, [order_id])
        orders.move(session, [order_id], Status.CONFIRMED, "paid")


@app.task(name="bare.notify")
def notify(order_id: str) -> None:
    run = _alone(order_id, "notify_customer")
    with transaction() as session:
        request = mailing._confirmations(session, [run])[run.id]
    assert mailing.order_confirmed.call is not None
    output = mailing.order_confirmed.call(request, run.key)
    with transaction() as session:
        mailing._told(session, [Answer(run, request, Done(output))])


def start(order_id: str) -> None:
    """What a view does after its commit."""
    chain(*(task.si(order_id) for task in (reserve, charge, confirm, notify))).apply_async()


def _alone(order_id: str, step: str) -> Run:
    """The one order, in the shape the shop's fetch and remember functions take."""
    plan = Plan("bare", "bare", ())
    return Run(order_id, plan, 0, "do", 0, 0, order_id, {}, None, False, False, False, False, f"{order_id}:{step}")
