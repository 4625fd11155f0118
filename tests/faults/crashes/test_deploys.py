"""Workers are asked to stop in mid-step, and old and new code run side by side (P1, P3, P4)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from kombu import Connection

import litebroker  # noqa: F401 - for the URL's scheme
from celery_app import app
from db.schema import new_id
from tests.faults.crashes.stand_ins import instead_of
from tests.faults.judge import Judge
from tests.faults.shoppers import Shoppers
from tests.stack import Client, Handle, Order, Stack

SOFT_SHUTDOWN: float = app.conf.worker_soft_shutdown_timeout
NEWER = "tests.faults.crashes.newer"
TOKENS = ("tok_ok", "tok_ok", "tok_declined")


@pytest.mark.sample("services")
def test_p3_p4_a_worker_asked_to_stop_while_the_bank_has_its_wave_writes_the_answer_down_first(stack: Stack) -> None:
    judge, worker, sku = Judge(stack), stack.workers["payments"], stack.sku()
    stack.bank.control(latency_ms=3000)
    waiting = [_being_charged(stack, sku) for _ in range(3)]
    assert _seconds_to_stop(worker) < SOFT_SHUTDOWN
    held = "SELECT id FROM runs WHERE hold = 'call'"
    assert stack.shelf.rows(held) == [], "nobody is left to wait for a lease"
    stack.bank.control(latency_ms=0)
    worker.start()
    for client, order in waiting:
        judge.keep(client, order)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert {client.job(order.job_id)["steps"][1]["attempts"] for client, order in waiting} == {1}


def test_p1_p3_p4_workers_are_replaced_one_after_another_while_orders_come_in(stack: Stack) -> None:
    judge = Judge(stack)
    stack.bank.control(latency_ms=300)
    with Shoppers(stack, judge, stack.sku(on_hand=100_000), count=4, pause=0.05, tokens=TOKENS):
        for worker in stack.workers.values():
            assert _seconds_to_stop(worker) < SOFT_SHUTDOWN
            worker.start()
    judge.faults_are_over()
    judge.verdict().must_be_clean()


def test_p1_p3_old_and_new_code_work_side_by_side(stack: Stack) -> None:
    """First new workers beside the old ones, then the new API, then the old ones go: messages meet the wrong code."""
    judge, sku = Judge(stack), stack.sku(on_hand=100_000)
    with Shoppers(stack, judge, sku, tokens=TOKENS):
        stack.start_worker(["stock", "orders"], env={"EXTRA_TASK_MODULES": NEWER})
        stack.start_worker(["payments", "notifications"], env={"EXTRA_TASK_MODULES": NEWER})
        with instead_of(stack.api, stack, "api.wsgi:app", f"{NEWER}_api:app"):
            time.sleep(2)
            client = stack.client()
            wrapped, came_to_nothing = client.place(sku), stack.client().place(sku, token="tok_declined")
            time.sleep(2)
            for worker in stack.workers.values():
                assert _seconds_to_stop(worker) < SOFT_SHUTDOWN
    judge.keep(client, wrapped)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert "orders.wrap" in stack.workers["orders"].log.read_text(), "the old worker met what it does not know"
    assert _steps(stack, wrapped)["wrap_gift", "do"] == "done"
    assert _steps(stack, came_to_nothing)["wrap_gift", "undo"] == "done"


def test_p3_a_message_with_fields_of_newer_code_does_its_work(stack: Stack) -> None:
    judge, worker, client = Judge(stack), stack.workers["stock"], stack.client()
    worker.kill9()
    order = client.place(stack.sku())
    with Connection(stack.settings.broker_url) as connection:
        channel = connection.default_channel
        channel.queue_purge(f"{stack.settings.queue_prefix}stock")
        _publish(stack, connection, order)
    worker.start()
    judge.keep(client, order)
    judge.faults_are_over()
    judge.verdict().must_be_clean()
    assert "unexpected keyword" not in worker.log.read_text()


def _being_charged(stack: Stack, sku: str) -> tuple[Client, Order]:
    client = stack.client()
    order = client.place(sku)
    client.until(order.job_id, lambda job: job["steps"][1]["status"] == "begun")
    return client, order


def _seconds_to_stop(worker: Handle) -> float:
    begun = time.monotonic()
    worker.stop(2 * SOFT_SHUTDOWN)
    return time.monotonic() - begun


def _steps(stack: Stack, order: Order) -> dict[tuple[str, str], str]:
    rows = stack.shelf.rows("SELECT name, direction, state FROM journal WHERE run_id = :id", id=order.job_id)
    return {(row["name"], row["direction"]): row["state"] for row in rows}


def _publish(stack: Stack, connection: Any, order: Order) -> None:
    """Publish `stock.reserve` for this order's run with fields that a newer version of the code might add."""
    prefix, id = stack.settings.queue_prefix, new_id()
    headers = {"id": id, "task": "stock.reserve", "lang": "py", "argsrepr": "", "of_newer_code": {"a": [1]}}
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None, "of_newer_code": 1}
    body = [[[order.job_id]], {"of_newer_code": True}, embedded]
    producer = connection.Producer(serializer="json")
    producer.publish(body, exchange=f"{prefix}tasks", routing_key=f"{prefix}stock", headers=headers, correlation_id=id)
