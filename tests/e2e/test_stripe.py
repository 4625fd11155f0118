"""Orders paid through Stripe's SDK by a whole running copy; localstripe is the other side, and its lists the judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.peers.stripe import CARDS, SECRET_KEY, WEBHOOK_SECRET, StripePeer
from tests.sandboxes import wait_until
from tests.stack import Client, Order, Stack
from tests.stack.fixtures import running

TOTAL = 1999 + 490


@pytest.fixture(scope="module", params=["embedded"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stripe_peer: StripePeer
) -> Iterator[Stack]:
    stripe = {"STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
    idle = {"BANK_KEY": "idle", "BANK_WEBHOOK_SECRET": "idle"}  # every stack has a bank; this one is not asked
    with running(
        request, tmp_path_factory, PAYMENT_PROVIDER="stripe", STRIPE_API_BASE=stripe_peer.url, **stripe, **idle
    ) as made:
        stripe_peer.send_webhooks_to(f"{made.url}/api/webhooks/payments/stripe")
        yield made


def moved(peer: StripePeer, order: Order) -> list[tuple[str, int, str]]:
    """What Stripe says has moved for this order, oldest first."""
    now = datetime.now(UTC)
    page = peer.gateway().ledger(now - timedelta(minutes=10), now + timedelta(minutes=1))
    assert page.next is None or len(page.entries) == 100
    mine = [entry for entry in page.entries if entry.reference == order.id]
    return [(entry.kind, entry.amount, entry.currency) for entry in reversed(mine)]


def place(client: Client, shop: Stack, card: str) -> Order:
    return client.place(shop.sku(on_hand=2, price=1999), token=CARDS[card])


def test_an_order_is_paid_called_off_and_given_back(shop: Stack, stripe_peer: StripePeer) -> None:
    client = shop.client()
    order = place(client, shop, "tok_ok")
    assert client.finished(order.job_id)["status"] == "succeeded"
    assert moved(stripe_peer, order) == [("capture", TOTAL, "EUR")]

    job = client.get("POST", f"/api/orders/{order.id}/cancel")["job"]["id"]
    assert client.finished(job)["status"] == "succeeded"
    assert moved(stripe_peer, order) == [("capture", TOTAL, "EUR"), ("refund", TOTAL, "EUR")]
    assert client.get("GET", f"/api/orders/{order.id}")["payment_status"] == "refunded"


def test_a_declined_card_takes_nothing(shop: Stack, stripe_peer: StripePeer) -> None:
    client = shop.client()
    order = place(client, shop, "tok_declined")
    job = client.finished(order.job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "card_declined")
    assert moved(stripe_peer, order) == []
    assert client.stock(order.body["order"]["lines"][0]["sku"])["available"] == 2


def test_a_shopper_who_says_yes_to_their_bank_is_waited_for_until_the_webhook(
    shop: Stack, stripe_peer: StripePeer
) -> None:
    client = shop.client()
    order = place(client, shop, "tok_3ds")
    client.until(order.job_id, lambda job: job["status"] == "waiting")
    [payment] = client.get("GET", "/api/payments")["items"]
    assert payment["next_action"]["type"] == "stripe_sdk"
    assert moved(stripe_peer, order) == []

    stripe_peer.answer_the_question(payment["next_action"], approve=True)
    assert client.finished(order.job_id)["status"] == "succeeded"
    assert moved(stripe_peer, order) == [("capture", TOTAL, "EUR")]
    told = "SELECT type FROM webhook_events WHERE order_id = :order AND handled_at IS NOT NULL"
    succeeded = {"type": "payment_intent.succeeded"}  # which may come while the job that it wakes is ending
    wait_until(lambda: succeeded in shop.shelf.rows(told, order=order.id), seconds=20, what="the event to be handled")
    assert client.get("GET", f"/api/payments/{payment['id']}")["next_action"] is None
    logged = "".join(handle.log.read_text() for handle in shop.handles.values() if handle.log.exists())
    for secret in (payment["next_action"]["client_secret"], SECRET_KEY, WEBHOOK_SECRET, *CARDS.values()):
        assert secret not in logged


def test_both_ledgers_say_the_same(shop: Stack, stripe_peer: StripePeer) -> None:
    client, admin = shop.client(), shop.client(role="admin")
    order = place(client, shop, "tok_ok")
    assert client.finished(order.job_id)["status"] == "succeeded"
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(minutes=1)).isoformat()}
    begun = admin.get("POST", "/api/payments/reconciliations", window)
    assert admin.finished(begun["job"]["id"])["status"] == "succeeded"
    found = admin.get("GET", f"/api/payments/reconciliations/{begun['reconciliation']['id']}")
    rows = "SELECT count(*) AS n FROM payment_transactions WHERE kind IN ('capture', 'refund')"
    assert found["matched"] == shop.shelf.rows(rows)[0]["n"] > 0
    assert found["differences"] == 0, "others use this localstripe in this minute: theirs are under way"
    shop.doctor()
