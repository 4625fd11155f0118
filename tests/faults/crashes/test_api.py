"""The API dies by kill -9 around the moment when an order is accepted (P1, P12)."""

from __future__ import annotations

from http.client import HTTPException

import pytest

from tests.faults.crashes.dying_api import POINTS
from tests.faults.crashes.stand_ins import instead_of
from tests.faults.judge import Judge, accepted_of
from tests.sandboxes import free_port
from tests.stack import Client, Stack
from tests.stack.client import order_of

KEY = "the-same-order"


@pytest.mark.parametrize("point", POINTS)
def test_p1_p12_the_api_dies_before_its_answer_and_the_client_repeats_with_its_key(stack: Stack, point: str) -> None:
    client, judge, once = stack.client(), Judge(stack), stack.state_dir / f"died-{point}"
    client.get("POST", "/api/cart/me", {"sku": stack.sku(), "quantity": 1})
    armed = {"ORDERWAVE_CRASH": f"api:{point}", "ORDERWAVE_CRASH_ONCE": str(once)}
    with instead_of(stack.api, stack, "api.wsgi:app", "tests.faults.crashes.dying_api:app", **armed):
        with pytest.raises((OSError, HTTPException)):
            client.call("POST", "/api/orders", order_of("tok_ok"), Idempotency_Key=KEY)
        assert once.exists()
    committed = _orders_of(stack, client)
    answer = client.call("POST", "/api/orders", order_of("tok_ok"), Idempotency_Key=KEY)

    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, "true")
    assert [accepted_of(answer.body).id] == committed == _orders_of(stack, client)
    judge.keep(client, accepted_of(answer.body))
    judge.faults_are_over()
    judge.verdict().must_be_clean()


@pytest.mark.sample("embedded")
def test_p1_the_api_dies_with_an_order_accepted_and_not_dispatched(stack: Stack) -> None:
    """Its broker is one that nobody listens to: what it says to the flusher gets nowhere."""
    client, judge = stack.client(), Judge(stack)
    stack.api.kill9()
    stack.api.start(BROKER_URL=_nowhere(stack))
    order = client.place(stack.sku(), key=KEY)
    stack.api.kill9()
    assert stack.shelf.rows("SELECT state FROM runs WHERE id = :id", id=order.job_id) == [{"state": "queued"}]
    stack.api.start()

    judge.keep(client, order)
    judge.faults_are_over()
    again = client.order(key=KEY)
    assert (again.id, again.job_id) == (order.id, order.job_id)
    judge.verdict().must_be_clean()


def _nowhere(stack: Stack) -> str:
    on_rabbitmq = stack.settings.on_rabbitmq
    return f"amqp://127.0.0.1:{free_port()}//" if on_rabbitmq else f"litebroker:///{stack.state_dir}/elsewhere.db"


def _orders_of(stack: Stack, client: Client) -> list[str]:
    return [
        str(row["id"]) for row in stack.shelf.rows("SELECT id FROM orders WHERE email = :email", email=client.email)
    ]
