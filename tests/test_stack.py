"""The test bench itself: a whole copy starts, serves, loses a worker and gets it back."""

from __future__ import annotations

from tests.stack import Stack


def test_a_stack_serves_people(stack: Stack) -> None:
    sku = stack.sku(on_hand=3)
    client = stack.client()
    assert client.stock(sku)["available"] == 3
    order = client.place(sku)
    assert client.finished(order.job_id)["status"] == "succeeded"
    assert len(stack.bank.captures(order.id)) == 1
    assert [mail["subject"] for mail in stack.mails(order)] == [f"Your order {order.number} is confirmed"]
    stack.doctor()


def test_a_killed_worker_can_be_started_again(stack: Stack) -> None:
    stack.worker.kill9()
    assert not stack.worker.alive
    stack.worker.start()
    assert stack.worker.alive


def test_another_worker_can_join_with_an_environment_of_its_own(stack: Stack) -> None:
    extra = stack.start_worker(queues=["stock"], env={"LOG_LEVEL": "DEBUG"})
    assert extra.alive
    stack.stop_worker(extra)
    assert not extra.alive


def test_every_test_finds_all_of_it_running(stack: Stack) -> None:
    assert all(handle.alive for handle in stack.handles.values())
    assert [name for name in stack.handles if name.startswith("worker-extra")] == []
