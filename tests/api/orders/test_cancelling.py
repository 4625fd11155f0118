"""Orders called off after they were paid: the money goes back, the goods too, and it happens once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
import doctor.sandbox_ledger
from db.functions import in_seconds
from doctor import payments
from engine.outcomes import Refused, TryAgain, Unknown
from engine.tables import RunRow
from gateways.mail import Mail
from gateways.payments import Intent, Receipt
from shop.orders.history import IN_TURN, OrderEventRow
from shop.payments.payments import TransactionRow
from shop.payments.refund_rows import RefundRow
from shop.stock.tables import MovementRow
from tests.api.bank import Bank
from tests.api.catalogue_data import (
    SHIPPING,
    count,
    guests_cart,
    guests_order,
    order,
    paid,
    put_on_shelf,
    shelf,
    shipped,
)
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import standing

TOTAL = 1999 + SHIPPING

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=5)


def call_off(person: Person, id: str, **headers: str) -> Mapping[str, Any]:
    answer = person.post(f"/api/orders/{id}/cancel", **headers)
    assert answer.status_code == 202, answer.text
    body: Mapping[str, Any] = answer.json
    return body


def path(id: str) -> list[str]:
    with db.reading() as session:
        events = session.query(OrderEventRow).where(OrderEventRow.order_id == id).order_by(*IN_TURN)
        return [event.to_status for event in events]


def cancelling_runs() -> int:
    return count(RunRow, RunRow.workflow == "cancel_order")


def test_a_paid_order_called_off_gives_back_money_and_goods_and_tells(
    ada: Person, bank: Bank, sent: list[Mail]
) -> None:
    id = paid(ada, quantity=2)
    assert shelf() == (3, 0)
    body = call_off(ada, id)
    assert (body["order"]["status"], body["job"]["workflow"]) == ("cancelling", "cancel_order")
    assert body["job"]["subject"] == {"type": "order", "id": id}
    assert (bank.taken(id), shelf()) == (2 * 1999 + SHIPPING, (3, 0)), "nothing has happened yet"
    assert drive(body["job"]["id"]) == "succeeded"
    assert standing(ada, id) == ("cancelled", "refunded")
    assert (bank.taken(id), shelf()) == (0, (5, 0))
    assert [mail.subject.split()[-1] for mail in sent] == ["confirmed", "cancelled"]
    assert path(id) == ["pending", "confirmed", "cancelling", "cancelled"]


def test_the_ledgers_say_what_came_back(ada: Person) -> None:
    id = paid(ada)
    drive(call_off(ada, id)["job"]["id"])
    with db.reading() as session:
        moved = session.query(MovementRow).where(MovementRow.order_id == id).order_by(MovementRow.id)
        assert [(row.kind, row.quantity) for row in moved] == [("sale", -1), ("return", 1)]
    [payment] = ada.get("/api/payments").json["items"]
    assert [(t["kind"], t["amount"]["amount"]) for t in payment["transactions"]] == [
        ("capture", TOTAL),
        ("refund", TOTAL),
    ]
    assert (payment["status"], payment["refunded"]["amount"]) == ("refunded", TOTAL)


def test_the_timeline_tells_of_it(ada: Person) -> None:
    id = paid(ada)
    drive(call_off(ada, id)["job"]["id"])
    moments = ada.get(f"/api/orders/{id}/timeline").json["items"]
    assert [m["status"] for m in moments if m["kind"] == "status"][-2:] == ["cancelling", "cancelled"]
    steps = [m["step"] for m in moments if m.get("workflow") == "cancel_order"]
    assert steps == ["call_off", "refund_payment", "cancel_order", "notify_customer"]


def test_two_at_once_start_one(ada: Person, bank: Bank) -> None:
    id = paid(ada)
    with ThreadPoolExecutor(4) as pool:
        jobs = {body["job"]["id"] for body in pool.map(lambda _: call_off(ada, id), range(4))}
    assert (len(jobs), cancelling_runs(), path(id).count("cancelling")) == (1, 1, 1)
    drive(jobs.pop())
    assert (bank.taken(id), shelf(), count(RefundRow)) == (0, (5, 0), 1)


def test_one_key_is_one_command(ada: Person) -> None:
    id = paid(ada)
    first, again = call_off(ada, id, **{"Idempotency-Key": "k"}), call_off(ada, id, **{"Idempotency-Key": "k"})
    assert first == again
    assert cancelling_runs() == 1


def test_what_is_cancelled_is_not_cancelled_again(ada: Person, bank: Bank) -> None:
    id = paid(ada)
    drive(call_off(ada, id)["job"]["id"])
    assert problem(ada.post(f"/api/orders/{id}/cancel")) == (409, "illegal_state")
    assert (cancelling_runs(), bank.taken(id), shelf()) == (1, 0, (5, 0))


def test_a_failed_order_can_not_be_called_off(ada: Person) -> None:
    placed = order(ada, token="tok_declined")
    drive(placed["job"]["id"])
    assert problem(ada.post(f"/api/orders/{placed['order']['id']}/cancel")) == (409, "illegal_state")
    assert (cancelling_runs(), path(placed["order"]["id"])) == (0, ["pending", "failed"])


def test_before_it_is_paid_the_placing_itself_turns_back(ada: Person, bank: Bank) -> None:
    placed = order(ada)
    drive(placed["job"]["id"], steps=2)
    assert call_off(ada, placed["order"]["id"])["job"]["id"] == placed["job"]["id"]
    assert (drive(placed["job"]["id"]), cancelling_runs()) == ("failed", 0)
    assert (bank.taken(placed["order"]["id"]), shelf()) == (0, (5, 0))


def test_a_refused_refund_needs_a_person_and_the_goods_stay_sold(
    ada: Person, people: People, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    with monkeypatch.context() as today:
        today.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
        job = call_off(ada, id)["job"]["id"]
        assert drive(job) == "needs_attention"
    assert ada.get(f"/api/jobs/{job}").json["error"]["code"] == "refund_refused"
    assert (standing(ada, id), bank.taken(id), shelf()) == (("cancelling", "paid"), TOTAL, (4, 0))
    sam = people.join("Sam", role="staff")
    assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
    assert (drive(job), standing(ada, id)) == ("succeeded", ("cancelled", "refunded"))
    assert (bank.taken(id), shelf()) == (0, (5, 0))


def test_a_refund_settled_by_hand_ends_the_order_and_the_doctor_knows(
    ada: Person, people: People, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    monkeypatch.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
    job = call_off(ada, id)["job"]["id"]
    drive(job)
    sam = people.join("Sam", role="staff")
    assert sam.post(f"/api/jobs/{job}/skip", {"note": "paid in cash"}).status_code == 202
    assert (drive(job), standing(ada, id), shelf()) == ("succeeded", ("cancelled", "paid"), (5, 0))
    assert bank.taken(id) == TOTAL
    monkeypatch.setattr(doctor.sandbox_ledger, "books", lambda: {"entries": [], "transfers": []})
    with db.reading() as session:
        assert not [told for told in payments.money_is_conserved(session) if "owed" in told]


def test_an_order_that_waits_too_long_for_its_payment_is_let_go(ada: Person, bank: Bank) -> None:
    placed = order(ada, token="tok_3ds")
    assert (drive(placed["job"]["id"]), shelf()) == ("waiting", (5, 1))
    with db.transaction() as session:
        session.execute(update(RunRow).values(hold="none", wait_until=in_seconds(-1.0)))
    assert drive(placed["job"]["id"]) == "failed"
    assert (standing(ada, placed["order"]["id"]), shelf()) == (("failed", "unpaid"), (5, 0))
    assert (bank.taken(placed["order"]["id"]), ada.get(f"/api/jobs/{placed['job']['id']}").json["error"]["code"]) == (
        0,
        "authentication_expired",
    )


def test_an_order_that_nobody_could_charge_in_time_is_let_go(
    ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank is away until ORDER_MINUTES have passed: what the order held is free again, and it is closed."""
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(bank, "charge", lambda *_, **__: (_ for _ in ()).throw(TryAgain("provider_away")))
        placed = order(ada)
        drive(placed["job"]["id"])
        assert (standing(ada, placed["order"]["id"]), shelf()) == (("pending", "unpaid"), (5, 1))
        with db.transaction() as session:
            session.execute(update(RunRow).values(hold="none", deadline_at=in_seconds(-1.0)))
        assert drive(placed["job"]["id"]) == "failed"
    assert (standing(ada, placed["order"]["id"]), shelf()) == (("failed", "unpaid"), (5, 0))
    assert (bank.taken(placed["order"]["id"]), path(placed["order"]["id"])) == (0, ["pending", "failed"])
    [line] = ada.get("/api/cart/me").json["lines"]
    assert (line["sku"], line["quantity"]) == ("CHAIR", 1)


def test_an_answer_that_was_lost_is_asked_for_under_the_same_key(
    ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, refund, keys = paid(ada), bank.refund, list[str]()

    def lost(provider_id: str, amount: int, *, key: str) -> Receipt:
        keys.append(key)
        receipt = refund(provider_id, amount, key=key)
        if len(keys) == 1:
            raise Unknown("provider_timeout")
        return receipt

    monkeypatch.setattr(bank, "refund", lost)
    job = call_off(ada, id)["job"]["id"]
    drive(job)
    with db.transaction() as session:
        session.query(RunRow).where(RunRow.id == job).update({"hold": "none"})
    assert drive(job) == "succeeded"
    assert (len(keys), len(set(keys)), count(RefundRow), bank.taken(id)) == (2, 1, 1, 0)


@pytest.mark.parametrize("by_us", [True, False], ids=["by-us", "at-their-desk"])
def test_money_that_went_back_before_we_knew_it_was_taken_is_in_our_books_too(
    ada: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, by_us: bool
) -> None:
    """The answer to the charge was lost, and the worker that undid it died before it could write that down. Of what
    somebody gives back at the provider's own desk we know no key: that is for the reconciliation to tell of."""
    charge = bank.charge

    def lose_the_answer(intent: Intent, *, key: str) -> Receipt:
        charge(intent, key=key)
        raise Unknown("provider_timeout")

    monkeypatch.setattr(bank, "charge", lose_the_answer)
    placed = order(ada)
    id, job = placed["order"]["id"], placed["job"]["id"]
    drive(job)
    bank.refund(bank.charged[id], TOTAL, key=f"{job}:charge_payment:undo" if by_us else "theirs")
    assert ada.post(f"/api/jobs/{job}/cancel").status_code == 202
    with db.transaction() as session:
        session.execute(update(RunRow).values(hold="none"))
    assert (drive(job), bank.taken(id)) == ("failed", 0)
    with db.reading() as session:
        lines = session.query(TransactionRow.kind, TransactionRow.amount).order_by(TransactionRow.kind).all()
    assert [tuple(line) for line in lines] == ([("capture", TOTAL), ("refund", TOTAL)] if by_us else [])
    assert standing(ada, id) == ("cancelled", "refunded" if by_us else "unpaid")


def test_it_can_be_thought_better_of_before_the_point_of_no_return_only(ada: Person, bank: Bank) -> None:
    id = paid(ada)
    job = call_off(ada, id)["job"]["id"]
    assert ada.post(f"/api/jobs/{job}/cancel").status_code == 202
    assert (drive(job), standing(ada, id)) == ("failed", ("confirmed", "paid"))
    assert path(id) == ["pending", "confirmed", "cancelling", "confirmed"]
    again = call_off(ada, id)["job"]["id"]
    assert again != job
    drive(again, steps=1)
    assert problem(ada.post(f"/api/jobs/{again}/cancel")) == (409, "too_late_to_cancel")
    assert (drive(again), bank.taken(id), shelf()) == ("succeeded", 0, (5, 0))


def test_a_guest_calls_off_with_the_orders_token(app: Flask, bank: Bank) -> None:
    token = guests_cart(app)
    placed = guests_order(app, token).json
    drive(placed["job"]["id"])
    where = f"/api/orders/{placed['order']['id']}/cancel"
    assert problem(ask(app, "POST", where)) == (404, "not_found")
    assert cancelling_runs() == 0
    answer = ask(app, "POST", where, headers={"X-Order-Token": placed["order_token"]})
    assert (answer.status_code, drive(answer.json["job"]["id"])) == (202, "succeeded")
    assert bank.taken(placed["order"]["id"]) == 0


def test_nobody_else_calls_it_off(ada: Person, people: People, bank: Bank) -> None:
    id = paid(ada)
    assert problem(people.join("Bob").post(f"/api/orders/{id}/cancel")) == (404, "not_found")
    assert (cancelling_runs(), standing(ada, id), bank.taken(id)) == (0, ("confirmed", "paid"), TOTAL)


def test_what_is_in_a_parcel_can_not_be_called_off(ada: Person, people: People, bank: Bank) -> None:
    id, sam = paid(ada, quantity=2), people.join("Sam", role="staff")
    parcel = sam.post(f"/api/orders/{id}/fulfilments", {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json["id"]
    assert problem(ada.post(f"/api/orders/{id}/cancel")) == (409, "illegal_state")
    assert (cancelling_runs(), standing(ada, id), shelf()) == (0, ("confirmed", "paid"), (3, 0))
    sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{parcel}", {"status": "cancelled"})
    assert drive(call_off(ada, id)["job"]["id"]) == "succeeded"
    assert (bank.taken(id), shelf()) == (0, (5, 0))


def test_what_is_shipped_can_not_be_called_off(ada: Person, people: People, bank: Bank) -> None:
    id = paid(ada)
    shipped(people.join("Sam", role="staff"), id)
    assert problem(ada.post(f"/api/orders/{id}/cancel")) == (409, "illegal_state")
    assert (cancelling_runs(), bank.taken(id), shelf()) == (0, TOTAL, (4, 0))


def test_a_parcel_and_a_change_of_mind_at_once_are_one_of_the_two(ada: Person, people: People) -> None:
    id, sam = paid(ada), people.join("Sam", role="staff")
    with ThreadPoolExecutor(2) as pool:
        packing = pool.submit(sam.post, f"/api/orders/{id}/fulfilments", {})
        calling = pool.submit(ada.post, f"/api/orders/{id}/cancel")
    answers = (packing.result().status_code, calling.result().status_code)
    assert answers in ((201, 409), (409, 202))
    assert cancelling_runs() == (answers[1] == 202)


def test_nobody_is_told_that_an_order_is_confirmed_when_it_is_not_any_more(ada: Person, sent: list[Mail]) -> None:
    placed = order(ada)
    drive(placed["job"]["id"], steps=3)
    cancelling = call_off(ada, placed["order"]["id"])["job"]["id"]
    assert (drive(placed["job"]["id"]), sent) == ("succeeded", [])
    assert drive(cancelling) == "succeeded"
    assert [mail.subject.split()[-1] for mail in sent] == ["cancelled"]
