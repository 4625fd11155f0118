"""Start each workflow as a client would: over HTTP, with only what a customer knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import update

from db.functions import in_seconds
from engine.tables import RunRow
from shop.carts.carts import CartRow
from shop.notifications.outbox import NotificationRow
from tests.faults.judge import Kept, accepted_of, kept_order
from tests.sandbox.receiver import open_door
from tests.sandboxes import wait_until
from tests.stack import Client, Order, Stack
from tests.stack.client import order_of
from tests.stack.environment import OPERATORS

Opener = Callable[[Stack, Client], Kept]
"""Takes the stack and a staff client, which may read every job; returns the accepted command and its expected end."""


def an_order(stack: Stack, staff: Client) -> Kept:
    client = stack.client()
    return kept_order(client, client.place(stack.sku(on_hand=3)))


def a_registration(stack: Stack, staff: Client) -> Kept:
    """Register an account. The answer shows no job, so that staff look it up."""
    stranger = Client(stack.url, f"{uuid4().hex}@example.com")
    user = stranger.register().body["id"]
    jobs = staff.get("GET", "/api/jobs?workflow=send_account_mail")["items"]
    [job] = [job["id"] for job in jobs if job["subject"]["id"] == user]
    return Kept(staff, job, f"registration of {stranger.email}", told=stranger.email)


def a_change_of_mind(stack: Stack, staff: Client) -> Kept:
    """Cancel an order that is paid and confirmed: the customer gets a mail about both."""
    client, order = _confirmed(stack)
    job = client.get("POST", f"/api/orders/{order.id}/cancel")["job"]["id"]
    kept = kept_order(client, order)
    return replace(kept, job_id=job, name=f"cancelling of {order.id}", refunded=kept.total, mails=2)


def a_return(stack: Stack, staff: Client) -> Kept:
    """Receive a return of two shipped units: their share of the money is refunded. The customer got mails about the
    order, the parcel and the request, and gets two more, about the arrival and the refund."""
    client, order = _confirmed(stack, quantity=2)
    where, sku = f"/api/orders/{order.id}", order.body["order"]["lines"][0]["sku"]
    _ship(stack, staff, order)
    asked = client.get("POST", f"{where}/returns", {"lines": [{"sku": sku, "quantity": 2}]})
    assert client.finished(asked["job"]["id"])["status"] == "succeeded"
    job = staff.get("POST", f"{where}/returns/{asked['return']['id']}/receive", {})["job"]["id"]
    kept, shipping = kept_order(client, order), order.body["order"]["shipping"]["amount"]
    return replace(kept, job_id=job, name=f"return of {order.id}", refunded=kept.total - shipping, mails=5)


def a_wish_to_return(stack: Stack, staff: Client) -> Kept:
    """Request a return of a shipped unit: the customer gets mails about the order, the parcel and the return."""
    client, order, body = _asked(stack, staff)
    return replace(kept_order(client, order), job_id=body["job"]["id"], name=f"asking of {order.id}", mails=3)


def a_rejected_return(stack: Stack, staff: Client) -> Kept:
    client, order, body = _asked(stack, staff)
    assert client.finished(body["job"]["id"])["status"] == "succeeded"
    where = f"/api/orders/{order.id}/returns/{body['return']['id']}/reject"
    job = staff.get("POST", where, {"reason": "It was worn."})["job"]["id"]
    return replace(kept_order(client, order), job_id=job, name=f"rejecting of {order.id}", mails=4)


def _asked(stack: Stack, staff: Client) -> tuple[Client, Order, dict[str, Any]]:
    client, order = _confirmed(stack)
    where, sku = f"/api/orders/{order.id}", order.body["order"]["lines"][0]["sku"]
    _ship(stack, staff, order)
    return client, order, client.get("POST", f"{where}/returns", {"lines": [{"sku": sku, "quantity": 1}]})


def _ship(stack: Stack, staff: Client, order: Order) -> None:
    """Ship the whole order, and wait for the mail about it, so that only what is drilled is under way."""
    staff.get("POST", f"/api/orders/{order.id}/fulfilments", {"status": "shipped"})
    wait_until(lambda: len(stack.mails(order)) == 2, seconds=30, what="the mail about the parcel")


def a_message(stack: Stack, staff: Client) -> Kept:
    """Send a message from staff to a customer, with a unique word in its subject."""
    word, client = f"Message-{uuid4().hex}", stack.client()
    wish = {"user_id": client.get("GET", "/api/users/me")["id"], "subject": word, "text": word}
    body = staff.get("POST", "/api/notifications", wish)
    return Kept(staff, body["job"]["id"], f"message {body['notification']['id']}", told=word)


def a_question_of_the_bank(stack: Stack, staff: Client) -> Kept:
    """Remind a customer who has not answered 3-D Secure for two hours; then the customer cancels the order."""
    client = stack.client()
    order = client.place(stack.sku(on_hand=3), token="tok_3ds")
    notice = {"id": order.id}
    asked = "SELECT CAST(id AS VARCHAR) AS id FROM notifications WHERE subject_id = :id AND event = 'payment_action'"
    wait_until(lambda: stack.shelf.rows(asked, **notice), seconds=30, what="the customer to be asked")
    id = stack.shelf.rows(asked, **notice)[0]["id"]
    with stack.shelf.session() as session:
        session.execute(update(NotificationRow).where(NotificationRow.id == id).values(created_at=in_seconds(-7200)))
    with stack.shelf.session() as session:
        about = (RunRow.workflow == "remind_of_payment", RunRow.subject_id == id)
        session.execute(update(RunRow).where(*about, RunRow.due_at > in_seconds(60)).values(due_at=in_seconds(-1)))
    job = str(stack.shelf.rows("SELECT id FROM runs WHERE subject_id = :id", id=id)[0]["id"])

    def call_off() -> None:
        client.get("POST", f"/api/jobs/{order.job_id}/cancel")

    return Kept(staff, job, f"question about {order.id}", told=order.number, outside=call_off)


def a_lost_link(stack: Stack, staff: Client) -> Kept:
    """Mail a guest the link to an order again. The answer shows no job, so that staff look it up."""
    guest = Client(stack.url, f"{uuid4().hex}@example.com")
    cart = guest.get("POST", "/api/cart")["id"]
    guest.get("POST", f"/api/cart/{cart}", {"sku": stack.sku(on_hand=3), "quantity": 1})
    placed = guest.get("POST", "/api/orders", order_of("tok_ok") | {"cart": cart, "email": guest.email})
    order, job = placed["order"], placed["job"]["id"]
    assert staff.finished(job)["status"] == "succeeded"
    guest.get("POST", "/api/orders/lookup", {"number": order["number"], "email": guest.email})
    links = staff.get("GET", "/api/jobs?workflow=send_order_link")["items"]
    [job] = [link["id"] for link in links if link["subject"]["id"] == order["id"]]
    return Kept(staff, job, f"link to {order['id']}", told=guest.email, mails=2)


def _confirmed(stack: Stack, quantity: int = 1) -> tuple[Client, Order]:
    client = stack.client()
    order = client.place(stack.sku(on_hand=3), quantity)
    assert client.finished(order.job_id)["status"] == "succeeded"
    return client, order


def an_import(stack: Stack, staff: Client) -> Kept:
    """Import one line with units on hand, which a page applied twice would book twice. No mail is sent."""
    slug = f"imported-{uuid4().hex}"
    line = {"slug": slug, "name": "Imported", "sku": slug.upper(), "price_cents": 1999, "on_hand": 7}
    body = staff.get("POST", "/api/products/import", line, Content_Type="application/x-ndjson")
    return Kept(staff, body["job"]["id"], f"import {body['import']['id']}", told="", mails=0)


def a_reconciliation(stack: Stack, staff: Client) -> Kept:
    """Reconcile the last hour: orders of other tests count as under way. No mail is sent."""
    now, admin = datetime.now(UTC), stack.client(role="admin")
    window = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    body = admin.get("POST", "/api/payments/reconciliations", window)
    return Kept(staff, body["job"]["id"], f"reconciliation {body['reconciliation']['id']}", told="", mails=0)


def a_time_of_the_clock(stack: Stack, staff: Client) -> Kept:
    """Run a periodic task now, as an administrator; it starts the same run as the clock would."""
    root = stack.client(role="admin")
    body = root.get("POST", "/api/schedule/release_expired_reservations/run")
    return Kept(staff, body["job"]["id"], "a time of the clock", told="", mails=0)


def a_campaign(stack: Stack, staff: Client) -> Kept:
    """Send a campaign to one customer who wants marketing, with a unique word in its subject."""
    run, word = _campaign(stack, staff)
    return Kept(staff, run["job_id"], f"campaign run {run['id']}", told=word)


def a_batch(stack: Stack, staff: Client) -> Kept:
    """Send a campaign, and find the job of its batch by the campaign's run."""
    run, word = _campaign(stack, staff)
    batches = "SELECT id, input FROM runs WHERE workflow = 'send_campaign_batch'"

    def found() -> list[str]:
        return [str(row["id"]) for row in stack.shelf.rows(batches) if run["id"] in str(row["input"])]

    wait_until(found, seconds=30, what="a batch")
    return Kept(staff, found()[0], f"batch of campaign run {run['id']}", told=word)


def a_trial(stack: Stack, staff: Client) -> Kept:
    word = f"Trial-{uuid4().hex}"
    campaign = staff.get("POST", "/api/campaigns", {"name": word, "subject": word, "text": word})
    job = staff.get("POST", f"/api/campaigns/{campaign['id']}/test")["job"]["id"]
    return Kept(staff, job, f"trial of campaign {campaign['id']}", told=word)


def a_cart_left_behind(stack: Stack, staff: Client) -> Kept:
    """Remind a customer who wants it of a cart left for two hours. An earlier mail asked to confirm the address."""
    client, sku = stack.client(), stack.sku(on_hand=3)
    id = _willing(stack, client)
    client.get("POST", "/api/cart/me", {"sku": sku, "quantity": 1})
    with stack.shelf.session() as session:
        session.execute(update(CartRow).where(CartRow.owner_id == id).values(updated_at=in_seconds(-7200)))
    stack.client(role="admin").get("POST", "/api/schedule/remind_of_carts/run")
    reminders = "SELECT CAST(id AS VARCHAR) FROM cart_reminders WHERE user_id = :id"
    noted = f"SELECT id FROM runs WHERE workflow = 'remind_of_cart' AND subject_id IN ({reminders})"
    wait_until(lambda: stack.shelf.rows(noted, id=id), seconds=30, what="the reminder to be noted")
    job = str(stack.shelf.rows(noted, id=id)[0]["id"])
    return Kept(staff, job, f"reminder for {client.email}", told=client.email, mails=2)


def _wanted(stack: Stack, staff: Client, workflow: str) -> tuple[Client, str]:
    """Receive goods for which a customer has a stock alert; return the customer and the run of this workflow."""
    client, sku = stack.client(), stack.sku(on_hand=0)
    id = _willing(stack, client)
    client.get("POST", "/api/users/me/stock-alerts", {"sku": sku})
    alerts = stack.shelf.rows("SELECT CAST(id AS VARCHAR) AS id FROM stock_alerts WHERE user_id = :id", id=id)
    staff.get("POST", f"/api/stock/{sku}/movements", {"kind": "receive", "quantity": 5, "reason": "new"})
    events = stack.shelf.rows("SELECT CAST(id AS VARCHAR) AS id FROM stock_events WHERE sku = :sku", sku=sku)
    about = {"tell_of_stock": events, "send_stock_alert": alerts}[workflow][0]["id"]
    run = f"SELECT id FROM runs WHERE workflow = '{workflow}' AND subject_id = :id"
    wait_until(lambda: stack.shelf.rows(run, id=about), seconds=30, what=workflow)
    return client, str(stack.shelf.rows(run, id=about)[0]["id"])


def goods_that_are_waited_for(stack: Stack, staff: Client) -> Kept:
    """Receive goods that a customer waits for. An earlier mail asked to confirm the address."""
    client, job = _wanted(stack, staff, "tell_of_stock")
    return Kept(staff, job, f"goods for {client.email}", told=client.email, mails=2)


def a_stock_alert(stack: Stack, staff: Client) -> Kept:
    client, job = _wanted(stack, staff, "send_stock_alert")
    return Kept(staff, job, f"stock alert for {client.email}", told=client.email, mails=2)


def _willing(stack: Stack, client: Client) -> str:
    """Give the customer consent to all marketing and a verified address. Returns the id of the account."""
    id: str = client.get("GET", "/api/users/me")["id"]
    client.get("PUT", "/api/users/me/preferences", {"marketing_emails": True})
    stack.shelf.change("UPDATE users SET email_verified_at = created_at WHERE id = :id", id=id)
    return id


def _campaign(stack: Stack, staff: Client) -> tuple[dict[str, Any], str]:
    """Start a campaign to one customer; return its run and the unique word of its subject."""
    word, client = f"Offer-{uuid4().hex}", stack.client()
    id = _willing(stack, client)
    stack.shelf.change("INSERT INTO user_tags (tag, user_id) VALUES (:tag, :id)", tag=f"t{id}"[:30], id=id)
    wish = {"name": word, "subject": word, "text": word, "segment": {"tag": f"t{id}"[:30]}}
    campaign = staff.get("POST", "/api/campaigns", wish)
    started = staff.get("POST", f"/api/campaigns/{campaign['id']}/schedule", {"now": True})
    return started["runs"][0], word


def a_capture(stack: Stack, staff: Client) -> Kept:
    """Capture the share of a parcel with half of an order that was only authorised. The customer gets a mail."""
    client, order, _ = _authorised(stack, quantity=2)
    line = {"sku": order.body["order"]["lines"][0]["sku"], "quantity": 1}
    staff.get("POST", f"/api/orders/{order.id}/fulfilments", {"lines": [line], "status": "shipped"})
    jobs = staff.get("GET", "/api/jobs?workflow=capture_payment")["items"]
    [job] = [job["id"] for job in jobs if job["subject"]["id"] == order.id]
    kept = kept_order(client, order)
    return replace(kept, job_id=job, name=f"capture of {order.id}", total=kept.total // 2, mails=2)


def a_void(stack: Stack, staff: Client) -> Kept:
    client, order, payment = _authorised(stack)
    job = staff.get("POST", f"/api/payments/{payment}/void")["job"]["id"]
    return replace(kept_order(client, order), job_id=job, name=f"void of {order.id}", total=0)


def a_goodwill(stack: Stack, staff: Client) -> Kept:
    """Refund 50 cents, as staff."""
    client, order = _confirmed(stack)
    wish = {"amount": {"amount": 50, "currency": "EUR"}, "reason": "a scratch"}
    job = staff.get("POST", f"/api/payments/{_payment(client, order)}/refunds", wish)["job"]["id"]
    return replace(kept_order(client, order), job_id=job, name=f"refund of {order.id}", refunded=50, mails=2)


def a_question(stack: Stack, staff: Client) -> Kept:
    """Verify the payment of an order that was cancelled during 3-D Secure: the bank is asked for its state."""
    client = stack.client()
    order = client.place(stack.sku(on_hand=3), token="tok_3ds")
    wait_until(lambda: client.job(order.job_id)["status"] == "waiting", seconds=30, what="the order to wait")
    client.get("POST", f"/api/jobs/{order.job_id}/cancel")
    assert client.finished(order.job_id)["status"] == "failed"
    job = staff.get("POST", f"/api/payments/{_payment(client, order)}/verify")["job"]["id"]
    return Kept(staff, job, f"question about {order.id}", told="", mails=0, reference=order.id)


def a_second_thought(stack: Stack, staff: Client) -> Kept:
    """Pay with another card for an order that waits for 3-D Secure, which then goes on. If the payment fails, the order
    still waits, and is cancelled. Mails are not counted."""
    client = stack.client()
    order = client.place(stack.sku(on_hand=3), token="tok_3ds")
    wait_until(lambda: client.job(order.job_id)["status"] == "waiting", seconds=30, what="the order to wait")
    wish = {"order_id": order.id, "method": "card", "token": "tok_ok"}
    job = client.get("POST", "/api/payments", wish)["job"]["id"]

    def complaint() -> str | None:
        paid = client.job(job)["status"] == "succeeded"
        if not paid:
            client.get("POST", f"/api/jobs/{order.job_id}/cancel")
        ended = client.finished(order.job_id)["status"]
        return None if ended == ("succeeded" if paid else "failed") else f"its order has {ended}"

    about = {"told": "", "mails": 0, "mails_of_failure": 0}
    return replace(kept_order(client, order), job_id=job, name=f"payment of {order.id}", outside=complaint, **about)


def a_transfer(stack: Stack, staff: Client) -> Kept:
    """Send the bank transfer that an order waits for: the bank publishes it, and the job is found by the transfer's id.
    The order then goes on. The bank has no charge of it, and mails are not counted."""
    client = stack.client()
    client.get("POST", "/api/cart/me", {"sku": stack.sku(on_hand=3), "quantity": 1})
    order = accepted_of(client.get("POST", "/api/orders", order_of("") | {"payment": {"method": "bank_transfer"}}))
    wait_until(lambda: client.job(order.job_id)["status"] == "waiting", seconds=30, what="the order to wait")
    kept = kept_order(client, order)
    sent = stack.bank.transfer(kept.total, order.number)["id"]
    found = "SELECT id FROM runs WHERE workflow = 'receive_transfers' AND subject_id = :id"
    wait_until(lambda: stack.shelf.rows(found, id=sent), seconds=30, what="the bank to tell")
    job = str(stack.shelf.rows(found, id=sent)[0]["id"])

    def complaint() -> str | None:
        ended = client.finished(order.job_id)["status"]
        return None if ended == "succeeded" else f"its order has {ended}"

    about = {"told": "", "mails": 0, "reference": "", "total": 0}
    return replace(kept, client=staff, job_id=job, name=f"transfer for {order.id}", outside=complaint, **about)


def _payment(client: Client, order: Order) -> str:
    [found] = client.get("GET", f"/api/payments?order_id={order.id}")["items"]
    return str(found["id"])


def _authorised(stack: Stack, quantity: int = 1) -> tuple[Client, Order, str]:
    """Place an order that is only authorised, with an API that is restarted with PAYMENT_CAPTURE=on_fulfilment."""
    stack.api.kill9()
    stack.api.start(PAYMENT_CAPTURE="on_fulfilment")
    client, order = _confirmed(stack, quantity)
    stack.api.kill9()
    stack.api.start()
    return client, order, _payment(client, order)


def a_webhook(stack: Stack, staff: Client) -> Kept:
    """Deliver a webhook that goods are back in stock: once, or twice under the same id if a worker died."""
    root, sku, door = stack.client(role="admin"), stack.sku(on_hand=0), open_door()
    endpoint = root.get("POST", "/api/webhook-endpoints", {"url": door.url, "events": ["stock.back"]})
    staff.get("POST", f"/api/stock/{sku}/movements", {"kind": "receive", "quantity": 5, "reason": "new"})
    where = f"/api/webhook-endpoints/{endpoint['id']}"
    [delivery] = root.get("GET", f"{where}/deliveries")["items"]
    root.get("PATCH", where, {"events": ["promotion.ended"]})  # others put goods on their shelves
    [job] = [
        job["id"]
        for job in staff.get("GET", "/api/jobs?workflow=deliver_webhook")["items"]
        if job["subject"]["id"] == delivery["id"]
    ]

    def complaint() -> str | None:
        came = [head["webhook-id"] for head, _ in door.came]
        return None if set(came) == {delivery["id"]} and len(came) <= 2 else f"{came} came, not {delivery['id']}"

    return Kept(staff, job, f"delivery {delivery['id']}", told="", mails=0, outside=complaint)


def an_alarm(stack: Stack, staff: Client) -> Kept:
    """Let a refund be refused, so that operators get a mail; after the mail staff retry the refund."""
    client, order = _confirmed(stack)
    stack.shelf.change("UPDATE runs SET key = key || id WHERE workflow = 'tell_operators'")  # another hour
    before = len(stack.sink.messages(to=OPERATORS, brief=True))
    stack.bank.control(refuse_refunds=True)
    wish = {"amount": {"amount": 50, "currency": "EUR"}, "reason": "a scratch"}
    refund = staff.get("POST", f"/api/payments/{_payment(client, order)}/refunds", wish)["job"]["id"]
    assert staff.finished(refund)["status"] == "needs_attention"
    stack.bank.control(refuse_refunds=False)
    [job, *_] = [job["id"] for job in staff.get("GET", "/api/jobs?workflow=tell_operators")["items"]]

    def helped() -> str | None:
        staff.get("POST", f"/api/jobs/{refund}/retry", {})
        status = staff.finished(refund)["status"]
        return None if status == "succeeded" else f"the refund is {status} after help"

    return Kept(staff, job, f"alarm {job}", told=OPERATORS, mails=before + 1, outside=helped)


OPENERS: dict[str, Opener] = {
    "remind_of_cart": a_cart_left_behind,
    "remind_of_payment": a_question_of_the_bank,
    "send_notification": a_message,
    "send_campaign": a_campaign,
    "send_stock_alert": a_stock_alert,
    "tell_of_stock": goods_that_are_waited_for,
    "send_campaign_batch": a_batch,
    "send_campaign_trial": a_trial,
    "ask_return": a_wish_to_return,
    "reject_return": a_rejected_return,
    "cancel_order": a_change_of_mind,
    "capture_payment": a_capture,
    "pay_order": a_second_thought,
    "place_order": an_order,
    "refund_payment": a_goodwill,
    "verify_payment": a_question,
    "void_payment": a_void,
    "receive_transfers": a_transfer,
    "reconcile_payments": a_reconciliation,
    "return_order": a_return,
    "run_periodic_task": a_time_of_the_clock,
    "send_order_link": a_lost_link,
    "send_account_mail": a_registration,
    "deliver_webhook": a_webhook,
    "import_catalogue": an_import,
    "tell_operators": an_alarm,
}


def opener_of(workflow: str) -> Opener:
    if workflow not in OPENERS:
        raise LookupError(
            f"No drill knows how a stranger starts {workflow}. Write a function in tests/faults/workflow_starters.py "
            "that starts it over HTTP and returns what is to be kept of it, and name it in OPENERS there."
        )
    return OPENERS[workflow]
