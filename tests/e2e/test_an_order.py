"""One order through a whole running copy, judged from outside: the bank's ledger, the mailbox, the stock."""

from __future__ import annotations

from tests.stack import Stack


def test_p9_an_order_is_reserved_charged_confirmed_and_told(stack: Stack) -> None:
    sku, client = stack.sku(on_hand=3, price=1999), stack.client()
    order = client.place(sku, quantity=2)
    job = client.finished(order.job_id)

    assert job["status"] == "succeeded"
    assert [(step["name"], step["direction"], step["status"]) for step in job["steps"]] == [
        ("reserve_stock", "do", "done"),
        ("charge_payment", "do", "done"),
        ("confirm_order", "do", "done"),
        ("notify_customer", "do", "done"),
    ]
    seen = client.get("GET", f"/api/orders/{order.id}")
    assert (seen["status"], seen["payment_status"]) == ("confirmed", "paid")
    assert seen["total"] == {"amount": 2 * 1999 + 490, "currency": "EUR"}
    assert [entry["amount"] for entry in stack.bank.captures(order.id)] == [2 * 1999 + 490]
    assert client.stock(sku) == {"sku": sku, "on_hand": 1, "reserved": 0, "available": 1}
    [mail] = stack.mails(order)
    assert seen["number"] in mail["subject"]
    stack.doctor()


def test_p5_p8_p10_a_declined_card_gives_the_stock_back_and_sends_no_confirmation(stack: Stack) -> None:
    sku, client = stack.sku(on_hand=3), stack.client()
    order = client.place(sku, token="tok_declined")
    job = client.finished(order.job_id)

    assert (job["status"], job["error"]["code"]) == ("failed", "card_declined")
    assert [(s["name"], s["direction"], s["status"]) for s in job["steps"]] == [
        ("reserve_stock", "do", "done"),
        ("charge_payment", "do", "refused"),
        ("charge_payment", "undo", "done"),
        ("reserve_stock", "undo", "done"),
    ]
    assert client.stock(sku) == {"sku": sku, "on_hand": 3, "reserved": 0, "available": 3}
    assert stack.bank.captures(order.id) == []
    assert stack.the_mail(order) == f"Your order {order.number} could not be completed"
    assert client.get("GET", "/api/cart/me")["lines"][0]["sku"] == sku, "the goods are back in the cart"
    stack.doctor()


def test_p4_charged_then_timeout_ends_with_exactly_one_capture(stack: Stack) -> None:
    sku, client = stack.sku(), stack.client()
    order = client.place(sku, token="tok_charged_then_timeout")
    job = client.finished(order.job_id)

    assert job["status"] == "succeeded"
    assert job["steps"][1]["attempts"] == 2
    assert len(stack.bank.captures(order.id)) == 1
    assert len(stack.mails(order)) == 1
    stack.doctor()


def test_a_flaky_bank_is_asked_again(stack: Stack) -> None:
    sku, client = stack.sku(), stack.client()
    order = client.place(sku, token="tok_flaky")
    job = client.finished(order.job_id)
    assert (job["status"], job["steps"][1]["attempts"]) == ("succeeded", 3)
    assert len(stack.bank.captures(order.id)) == 1


def test_a_slow_bank_holds_up_only_its_own_order(stack: Stack) -> None:
    sku, slow, quick = stack.sku(), stack.client(), stack.client()
    waiting = slow.place(sku, token="tok_slow")
    order = quick.place(sku)
    assert quick.finished(order.job_id)["status"] == "succeeded"
    assert slow.job(waiting.job_id)["status"] == "running"
    assert slow.finished(waiting.job_id)["status"] == "succeeded"


def test_p2_three_d_secure_waits_for_the_shopper_and_goes_on(stack: Stack) -> None:
    sku, client = stack.sku(), stack.client()
    order = client.place(sku, token="tok_3ds")
    job = client.until(order.job_id, lambda job: job["status"] == "waiting")
    payment = client.get("GET", "/api/payments")["items"][0]
    assert payment["next_action"]["type"] == "redirect"
    assert stack.bank.captures(order.id) == []

    stack.bank.complete_3ds(payment["next_action"]["url"].rsplit("/", 1)[-1], "approve")
    job = client.finished(order.job_id)
    assert job["status"] == "succeeded"
    assert len(stack.bank.captures(order.id)) == 1
    stack.doctor()


def test_p2_a_refused_three_d_secure_releases_everything(stack: Stack) -> None:
    sku, client = stack.sku(on_hand=2), stack.client()
    order = client.place(sku, token="tok_3ds")
    client.until(order.job_id, lambda job: job["status"] == "waiting")
    payment = client.get("GET", "/api/payments")["items"][0]

    stack.bank.complete_3ds(payment["next_action"]["url"].rsplit("/", 1)[-1], "refuse")
    assert client.finished(order.job_id)["status"] == "failed"
    assert client.stock(sku)["available"] == 2
    assert stack.bank.captures(order.id) == []
    assert stack.the_mail(order) == f"Your order {order.number} could not be completed"
    stack.doctor()


def test_the_last_unit_is_sold_once(stack: Stack) -> None:
    sku, first, second = stack.sku(on_hand=1), stack.client(), stack.client()
    orders = [(client, client.place(sku)) for client in (first, second)]
    jobs = [client.finished(order.job_id) for client, order in orders]
    assert sorted(job["status"] for job in jobs) == ["failed", "succeeded"]
    [lost] = [job for job in jobs if job["status"] == "failed"]
    assert lost["error"]["code"] == "out_of_stock"
    assert sum(len(stack.bank.captures(order.id)) for _, order in orders) == 1
    assert first.stock(sku) == {"sku": sku, "on_hand": 0, "reserved": 0, "available": 0}
    stack.doctor()
