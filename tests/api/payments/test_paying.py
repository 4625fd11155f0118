"""Methods other than a card, and paying for an order that is there already: one charge, whatever happens at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

import db
from config import settings
from db.functions import in_seconds
from engine.tables import RunRow
from shop.payments.payments import PaymentRow
from shop.wallets.wallets import WalletEntryRow
from tests.api.bank import Bank
from tests.api.catalogue_data import (
    SHIPPING,
    count,
    credit,
    guests_cart,
    guests_order,
    order,
    order_by,
    paid,
    put_on_shelf,
    shelf,
    wish,
)
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import standing
from tests.fixtures import Configure

TOTAL = 1999 + SHIPPING

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


def payments(staff: Person, order: str) -> list[dict[str, Any]]:
    """Oldest first."""
    found: list[dict[str, Any]] = staff.get(f"/api/payments?order_id={order}").json["items"]
    return found[::-1]


def pay(person: Person, order: str, method: str = "card", **more: Any) -> TestResponse:
    token = {"token": "tok_ok"} if method == "card" else {}
    return person.post("/api/payments", {"order_id": order, "method": method} | token | more)


def job_of(answer: TestResponse) -> str:
    assert answer.status_code == 202, answer.text
    job: str = answer.json["job"]["id"]
    return job


def wallet(person: Person) -> int:
    balances = person.get("/api/users/me/wallet").json["balances"]
    return int(balances[0]["amount"]) if balances else 0


# --- bank transfer ----------------------------------------------------------------------------------


def test_an_order_waits_for_its_bank_transfer_and_goes_on_when_it_has_come(
    ada: Person, sam: Person, bank: Bank
) -> None:
    placed = order_by(ada, "bank_transfer")
    id, job = placed["order"]["id"], placed["job"]["id"]
    assert (drive(job), standing(ada, id), shelf()) == ("waiting", ("pending", "pending"), (5, 1))
    [found] = payments(sam, id)
    where = {"type": "transfer", "account": settings().transfer_account, "reference": placed["order"]["number"]}
    assert found["next_action"] == where
    less = {"amount": {"amount": TOTAL - 1, "currency": "EUR"}}
    assert problem(sam.post(f"/api/payments/{found['id']}/capture", less)) == (422, "validation_failed")
    capture = job_of(sam.post(f"/api/payments/{found['id']}/capture", {}))
    assert (drive(capture), drive(job)) == ("succeeded", "succeeded")
    assert (standing(ada, id), shelf(), bank.charged) == (("confirmed", "paid"), (4, 0), {})
    [paid] = payments(sam, id)
    assert ([t["kind"] for t in paid["transactions"]], paid["next_action"]) == (["capture"], None)


def test_a_shop_without_an_account_takes_no_transfers(ada: Person, configure: Configure) -> None:
    configure(TRANSFER_ACCOUNT="")
    offered = {way["method"]: way["why"] for way in ada.get("/api/payments/methods").json["items"]}
    assert offered["bank_transfer"] == "no_account"
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    refused = ada.post("/api/orders", wish(payment={"method": "bank_transfer"}))
    assert problem(refused) == (422, "validation_failed")
    assert ada.get("/api/orders").json["items"] == []


def test_a_bank_transfer_that_never_comes_releases_everything(ada: Person, sam: Person) -> None:
    placed = order_by(ada, "bank_transfer")
    id, job = placed["order"]["id"], placed["job"]["id"]
    drive(job)
    with db.transaction() as session:
        left = session.get_one(RunRow, job)
        assert (left.deadline_at - left.created_at).days == 7  # type: ignore[operator]
        session.execute(update(RunRow).values(hold="none", wait_until=in_seconds(-1.0)))
    assert (drive(job), standing(ada, id), shelf()) == ("failed", ("failed", "unpaid"), (5, 0))
    [found] = payments(sam, id)
    assert found["status"] == "voided"
    assert problem(sam.post(f"/api/payments/{found['id']}/capture", {})) == (409, "illegal_state")


# --- cash at the door -------------------------------------------------------------------------------


def test_cash_is_written_down_when_it_was_paid_at_the_door(ada: Person, sam: Person) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    assert (drive(placed["job"]["id"]), standing(ada, id)) == ("succeeded", ("confirmed", "pending"))
    assert sam.post(f"/api/orders/{id}/fulfilments", {"status": "shipped"}).status_code == 201
    [found] = payments(sam, id)
    assert drive(job_of(sam.post(f"/api/payments/{found['id']}/capture", {}))) == "succeeded"
    assert (standing(ada, id), payments(sam, id)[0]["captured"]["amount"]) == (("confirmed", "paid"), TOTAL)


def test_cash_can_not_be_given_back_by_a_machine(ada: Person, sam: Person) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    [found] = payments(sam, id)
    drive(job_of(sam.post(f"/api/payments/{found['id']}/capture", {})))
    job = job_of(ada.post(f"/api/orders/{id}/cancel"))
    assert (drive(job), ada.get(f"/api/jobs/{job}").json["error"]["code"]) == ("needs_attention", "refund_by_hand")
    assert sam.post(f"/api/jobs/{job}/settle", {"note": "gave it to the driver"}).status_code == 202
    assert (drive(job), standing(ada, id)) == ("succeeded", ("cancelled", "refunded"))


def test_an_order_to_be_paid_at_the_door_is_called_off_without_money(ada: Person, sam: Person) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    assert drive(job_of(ada.post(f"/api/orders/{id}/cancel"))) == "succeeded"
    assert (standing(ada, id), payments(sam, id)[0]["status"]) == (("cancelled", "unpaid"), "voided")


# --- store credit -----------------------------------------------------------------------------------


def test_store_credit_pays_once_and_comes_back_when_the_order_is_called_off(ada: Person, sam: Person) -> None:
    credit(sam, ada, 3000)
    placed = order_by(ada, "wallet")
    id = placed["order"]["id"]
    assert (drive(placed["job"]["id"]), standing(ada, id)) == ("succeeded", ("confirmed", "paid"))
    assert wallet(ada) == 3000 - TOTAL
    assert drive(job_of(ada.post(f"/api/orders/{id}/cancel"))) == "succeeded"
    assert (wallet(ada), standing(ada, id)) == (3000, ("cancelled", "refunded"))
    entries = ada.get("/api/users/me/wallet/entries").json["items"]
    assert sorted((entry["kind"], entry["amount"]["amount"]) for entry in entries) == [
        ("grant", 3000),
        ("payment", -TOTAL),
        ("refund", TOTAL),
    ]


def test_two_orders_at_once_never_spend_the_same_credit(ada: Person, sam: Person) -> None:
    credit(sam, ada, TOTAL + 5)
    jobs = [order_by(ada, "wallet")["job"]["id"] for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        ends = sorted(pool.map(drive, jobs))
    assert (ends, wallet(ada), count(WalletEntryRow)) == (["failed", "failed", "succeeded"], 5, 2)
    codes = [ada.get(f"/api/jobs/{job}").json["error"] for job in jobs]
    assert [code["code"] for code in codes if code] == ["insufficient_credit"] * 2


def test_what_was_paid_with_credit_is_undone_with_credit(ada: Person, sam: Person) -> None:
    credit(sam, ada, 3000)
    placed = order_by(ada, "wallet")
    drive(placed["job"]["id"], steps=2)
    ada.post(f"/api/orders/{placed['order']['id']}/cancel")
    assert (drive(placed["job"]["id"]), wallet(ada), shelf()) == ("failed", 3000, (5, 0))


def test_a_guest_has_no_store_credit(app: Flask) -> None:
    token = guests_cart(app)
    assert problem(guests_order(app, token, payment={"method": "wallet"})) == (422, "validation_failed")
    assert count(PaymentRow) == 0


@pytest.mark.parametrize(
    "payment",
    [
        {"method": "card"},
        {"method": "wallet", "token": "tok_ok"},
        {"method": "barter"},
        {"method": "card", "token": ""},
    ],
)
def test_a_payment_that_makes_no_sense_is_422(ada: Person, payment: dict[str, str]) -> None:
    ada.post("/api/cart/me", {"sku": "CHAIR", "quantity": 1})
    address = {"name": "A", "line1": "x", "city": "B", "postal_code": "1", "country": "DE"}
    wish = {"cart": "me", "shipping_address": address, "shipping_method": "standard", "payment": payment}
    assert problem(ada.post("/api/orders", wish)) == (422, "validation_failed")
    assert count(PaymentRow) == 0


# --- paying later -----------------------------------------------------------------------------------


def test_who_can_not_confirm_at_the_bank_pays_with_something_else(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order(ada, token="tok_3ds")
    id, placing = placed["order"]["id"], placed["job"]["id"]
    assert drive(placing) == "waiting"
    first = bank.charged[id]
    paying = job_of(pay(ada, id))
    assert (drive(paying), drive(placing)) == ("succeeded", "succeeded")
    assert (standing(ada, id), bank.taken(id), bank.fetch(first).status) == (("confirmed", "paid"), TOTAL, "voided")
    assert [found["status"] for found in payments(sam, id)] == ["voided", "captured"]


def test_a_declined_second_try_leaves_the_order_waiting_for_a_third(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order(ada, token="tok_3ds")
    id, placing = placed["order"]["id"], placed["job"]["id"]
    drive(placing)
    assert drive(job_of(pay(ada, id, token="tok_declined"))) == "failed"
    assert (standing(ada, id), shelf()) == (("pending", "unpaid"), (5, 1))
    credit(sam, ada, TOTAL)
    assert drive(job_of(pay(ada, id, "wallet"))) == "succeeded"
    assert (drive(placing), standing(ada, id), wallet(ada)) == ("succeeded", ("confirmed", "paid"), 0)
    assert [found["status"] for found in payments(sam, id)] == ["voided", "refused", "captured"]


@pytest.fixture
def patient(configure: Configure) -> None:
    configure(PAYMENT_RETRY_MINUTES="20")


@pytest.mark.usefixtures("patient")
def test_a_declined_card_leaves_the_order_to_be_paid_with_another(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order(ada, token="tok_declined")
    id, placing = placed["order"]["id"], placed["job"]["id"]
    assert (drive(placing), standing(ada, id), shelf()) == ("waiting", ("pending", "unpaid"), (5, 1))
    [first] = payments(ada, id)
    assert (first["status"], first["error"]["code"]) == ("refused", "card_declined")
    assert (first["next_action"]["type"], first["next_action"]["path"]) == ("pay_again", "/api/payments")
    for moment in (first["next_action"]["until"], first["created_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)
    for _ in range(2):
        assert drive(job_of(pay(ada, id, token="tok_declined"))) == "failed"
    assert drive(job_of(pay(ada, id))) == "succeeded"
    assert (drive(placing), standing(ada, id), bank.taken(id)) == ("succeeded", ("confirmed", "paid"), TOTAL)
    assert [(found["status"], found["next_action"]) for found in payments(sam, id)] == [
        *[("refused", None)] * 3,
        ("captured", None),
    ]
    assert problem(pay(ada, id)) == (409, "illegal_state")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("end", "left"), [("late", ("failed", "card_declined")), ("off", ("cancelled", "cancelled"))])
def test_a_declined_order_that_nobody_pays_is_given_up(ada: Person, end: str, left: tuple[str, str]) -> None:
    placed = order(ada, token="tok_declined")
    id, placing = placed["order"]["id"], placed["job"]["id"]
    drive(placing)
    if end == "off":
        ada.post(f"/api/orders/{id}/cancel")
    else:
        with db.transaction() as session:
            session.execute(update(RunRow).values(hold="none", wait_until=in_seconds(-1.0)))
    assert (drive(placing), shelf()) == ("failed", (5, 0))
    assert (standing(ada, id)[0], ada.get(f"/api/jobs/{placing}").json["error"]["code"]) == left
    [found] = payments(ada, id)
    assert (found["status"], found["next_action"]) == ("refused", None)
    assert problem(pay(ada, id)) == (409, "illegal_state")


def test_cash_at_the_door_is_paid_by_card_before_it_comes(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    assert drive(job_of(pay(ada, id))) == "succeeded"
    assert (standing(ada, id), bank.taken(id)) == (("confirmed", "paid"), TOTAL)
    assert problem(pay(ada, id)) == (409, "illegal_state")
    drive(job_of(ada.post(f"/api/orders/{id}/cancel")))
    assert (bank.taken(id), standing(ada, id)) == (0, ("cancelled", "refunded"))


def test_paying_twice_at_once_is_one_charge(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pay(ada, id), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    [job] = [answer.json["job"]["id"] for answer in answers if answer.status_code == 202]
    assert (drive(job), bank.taken(id), len(payments(sam, id))) == ("succeeded", TOTAL, 2)


def test_a_charge_for_an_order_called_off_meanwhile_goes_back(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    paying = job_of(pay(ada, id))
    drive(paying, steps=2)
    assert bank.taken(id) == TOTAL
    cancelling = job_of(ada.post(f"/api/orders/{id}/cancel"))
    assert (drive(cancelling), drive(paying)) == ("succeeded", "failed")
    assert (bank.taken(id), standing(ada, id)[0]) == (0, "cancelled")
    assert [found["status"] for found in payments(sam, id)] == ["voided", "refunded"]


def test_cancelling_while_the_second_card_is_charged_ends_the_order_and_gives_back(
    ada: Person, sam: Person, bank: Bank
) -> None:
    placed = order(ada, token="tok_3ds")
    id, placing = placed["order"]["id"], placed["job"]["id"]
    drive(placing)
    paying = job_of(pay(ada, id))
    drive(paying, steps=2)
    assert job_of(ada.post(f"/api/orders/{id}/cancel")) == placing
    assert (drive(placing), drive(paying)) == ("failed", "failed")
    assert (bank.taken(id), standing(ada, id)[0], shelf()) == (0, "cancelled", (5, 0))


def test_what_is_over_or_somebody_elses_is_not_paid_for(ada: Person, people: People, bank: Bank) -> None:
    failed = order(ada, token="tok_declined")
    drive(failed["job"]["id"])
    done = paid(ada)
    fresh = order(ada)["order"]["id"]
    cancelled = paid(ada)
    drive(job_of(ada.post(f"/api/orders/{cancelled}/cancel")))
    assert len(bank.charged) == 2
    for id in (failed["order"]["id"], done, fresh, cancelled):
        assert problem(pay(ada, id)) == (409, "illegal_state")
    assert problem(pay(people.join("Bob"), done)) == (404, "not_found")
    assert problem(pay(ada, fresh, amount=1)) == (422, "validation_failed")
    assert (count(PaymentRow), len(bank.charged)) == (4, 2), "nobody was asked for more"
