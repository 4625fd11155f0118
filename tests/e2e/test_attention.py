"""An undo that is refused is shown, not swallowed; a person finishes it (P2, P8)."""

from __future__ import annotations

import pytest

from tests.stack import Client, Order, Stack


@pytest.fixture
def staff(stack: Stack) -> Client:
    return stack.client(role="staff")


def test_p8_a_refused_refund_ends_in_needs_attention_and_retry_finishes_it(stack: Stack, staff: Client) -> None:
    sku, client = stack.sku(on_hand=5), stack.client()
    order = _charged_then_cancelled(stack, client, sku)
    job = client.finished(order.job_id, seconds=60)
    assert job["status"] == "needs_attention"
    assert job["error"]["code"] == "refund_refused"
    assert len(stack.bank.captures(order.id)) == 1
    assert stack.bank.refunds(order.id) == []
    assert client.call("POST", f"/api/jobs/{order.job_id}/retry").status == 403
    assert order.job_id in [item["id"] for item in staff.get("GET", "/api/jobs?status=needs_attention")["items"]]

    assert staff.call("POST", f"/api/jobs/{order.job_id}/retry", {}).status == 202
    job = client.finished(order.job_id, seconds=60)
    assert (job["status"], job["error"]["code"]) == ("failed", "cancelled")
    assert len(stack.bank.refunds(order.id)) == 1
    assert client.stock(sku) == {"sku": sku, "on_hand": 5, "reserved": 0, "available": 5}
    assert client.get("GET", f"/api/orders/{order.id}")["status"] == "cancelled"
    stack.doctor()


def _charged_then_cancelled(stack: Stack, client: Client, sku: str) -> Order:
    """The bank answers late, so that there is time to cancel while it is being asked."""
    stack.bank.control(latency_ms=1500)
    order = client.place(sku, token="tok_refund_refused")
    client.until(order.job_id, lambda job: job["steps"][1]["status"] == "begun")
    assert client.call("POST", f"/api/jobs/{order.job_id}/cancel").status == 202
    stack.bank.control(latency_ms=0)
    return order


def test_p7_a_cancel_while_charging_refunds_what_was_charged(stack: Stack) -> None:
    sku, client = stack.sku(on_hand=5), stack.client()
    stack.bank.control(latency_ms=1500)
    order = client.place(sku)
    client.until(order.job_id, lambda job: job["steps"][1]["status"] == "begun")
    assert client.call("POST", f"/api/orders/{order.id}/cancel").status == 202
    stack.bank.control(latency_ms=0)

    job = client.finished(order.job_id, seconds=60)
    assert (job["status"], job["error"]["code"]) == ("failed", "cancelled")
    assert [entry["amount"] for entry in stack.bank.refunds(order.id)] == [1999 + 490]
    assert client.stock(sku) == {"sku": sku, "on_hand": 5, "reserved": 0, "available": 5}
    assert stack.the_mail(order) == f"Your order {order.number} is cancelled"
    stack.doctor()


def test_a_confirmed_order_can_no_longer_be_cancelled_by_its_job(stack: Stack) -> None:
    sku, client = stack.sku(), stack.client()
    order = client.place(sku)
    client.finished(order.job_id)
    answer = client.call("POST", f"/api/jobs/{order.job_id}/cancel")
    assert (answer.status, answer.body["code"]) == (409, "too_late_to_cancel")
    assert client.get("GET", f"/api/orders/{order.id}")["status"] == "confirmed"
