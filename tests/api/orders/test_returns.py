"""Returns: no more than was shipped, restocked if fit, and the goods' share of the money back, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

import db
from engine import local, remote
from engine.outcomes import Refused
from engine.steps import step_tasks
from engine.tables import RunRow
from shop.fulfilment.returns import ReturnRow
from shop.payments.refund_rows import RefundRow
from shop.stock.tables import MovementRow
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, count, guests_cart, guests_order, paid, put_on_shelf, shelf, shipped
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from workflows import return_order

pytestmark = pytest.mark.usefixtures("sent")

NOBODYS = "0199aaaa-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def some(quantity: int, sku: str = "CHAIR") -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity}], "reason": "too soft"}


def asked(person: Person, id: str, quantity: int = 1) -> str:
    answer = person.post(f"/api/orders/{id}/returns", some(quantity))
    assert answer.status_code == 202, answer.text
    found: str = answer.json["return"]["id"]
    return found


def received(staff: Person, id: str, rid: str, **wish: Any) -> str:
    """Returns the job."""
    answer = staff.post(f"/api/orders/{id}/returns/{rid}/receive", wish)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/jobs/{answer.json['job']['id']}"
    job: str = answer.json["job"]["id"]
    return job


def runs() -> int:
    return count(RunRow, RunRow.workflow == "return_order")


def only(person: Person, id: str) -> dict[str, Any]:
    [found] = person.get(f"/api/orders/{id}/returns").json["items"]
    return dict(found)


def test_what_comes_back_is_restocked_and_paid_for(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=3)
    shipped(sam, id)
    rid = asked(ada, id, 2)
    assert (only(ada, id)["status"], only(ada, id)["reason"], runs()) == ("requested", "too soft", 0)
    job = received(sam, id, rid)
    assert (only(ada, id)["status"], only(ada, id)["refund"]["amount"]) == ("received", 2 * 1999)
    assert (shelf(), bank.taken(id)) == ((6, 0), 3 * 1999 + SHIPPING), "nothing has happened yet"
    assert drive(job) == "succeeded"
    seen = ada.get(f"/api/orders/{id}").json
    assert (seen["status"], seen["payment_status"], only(ada, id)["status"]) == (
        "confirmed",
        "partially_refunded",
        "refunded",
    )
    assert (shelf(), bank.taken(id)) == ((8, 0), 1999 + SHIPPING)
    assert only(ada, id)["lines"] == [{"sku": "CHAIR", "quantity": 2, "received": 2, "resellable": 2}]
    [payment] = ada.get("/api/payments").json["items"]
    assert (payment["status"], payment["refunded"]["amount"]) == ("captured", 2 * 1999)


def test_what_is_broken_is_paid_for_and_not_restocked(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=2)
    shipped(sam, id)
    lines = [{"sku": "CHAIR", "quantity": 1, "resellable": False}]
    assert drive(received(sam, id, asked(ada, id, 2), lines=lines)) == "succeeded"
    assert only(ada, id)["lines"] == [{"sku": "CHAIR", "quantity": 2, "received": 1, "resellable": 0}]
    assert (shelf(), bank.taken(id), count(MovementRow, MovementRow.kind == "return")) == ((7, 0), 1999 + SHIPPING, 0)
    assert asked(ada, id, 1), "what did not come can be sent later"


def test_no_more_comes_back_than_was_shipped(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=3)
    where = f"/api/orders/{id}/returns"
    assert problem(ada.post(where, some(1))) == (409, "too_many")
    sam.post(f"/api/orders/{id}/fulfilments", {"lines": [{"sku": "CHAIR", "quantity": 1}]})
    assert problem(ada.post(where, some(1))) == (409, "too_many"), "it is packed and still in the house"
    shipped(sam, id, lines=[{"sku": "CHAIR", "quantity": 2}])
    answer = ada.post(where, some(3))
    assert (problem(answer), answer.json["left"]) == ((409, "too_many"), {"CHAIR": 2})
    asked(ada, id, 1)
    assert problem(ada.post(where, some(2))) == (409, "too_many")
    assert count(ReturnRow) == 1


def test_two_at_once_return_no_more_than_was_shipped(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=3)
    shipped(sam, id)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ada.post(f"/api/orders/{id}/returns", some(2)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert count(ReturnRow) == 1


def test_received_twice_at_once_is_paid_for_once(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    shipped(sam, id)
    rid = asked(ada, id)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sam.post(f"/api/orders/{id}/returns/{rid}/receive", {}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    [job] = [answer.json["job"]["id"] for answer in answers if answer.status_code == 202]
    assert (runs(), drive(job)) == (1, "succeeded")
    assert (bank.taken(id), count(RefundRow), shelf()) == (SHIPPING, 1, (9, 0))


def test_parts_add_up_to_the_whole(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=3)
    shipped(sam, id)
    for _ in range(3):
        assert drive(received(sam, id, asked(ada, id))) == "succeeded"
    assert (bank.taken(id), count(RefundRow), shelf()) == (SHIPPING, 3, (9, 0))
    assert problem(ada.post(f"/api/orders/{id}/returns", some(1))) == (409, "too_many")


def test_more_than_was_asked_for_is_not_received(ada: Person, sam: Person) -> None:
    id = paid(ada, quantity=2)
    shipped(sam, id)
    where = f"/api/orders/{id}/returns/{asked(ada, id)}/receive"
    for lines in ([{"sku": "CHAIR", "quantity": 2}], [{"sku": "TABLE", "quantity": 1}]):
        assert problem(sam.post(where, {"lines": lines})) == (409, "too_many")
    assert (only(ada, id)["status"], runs()) == ("requested", 0)


def test_a_refused_refund_needs_a_person(ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    id = paid(ada)
    shipped(sam, id)
    rid = asked(ada, id)
    with monkeypatch.context() as today:
        today.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
        job = received(sam, id, rid)
        assert drive(job) == "needs_attention"
    assert (only(ada, id)["status"], bank.taken(id), shelf()) == ("received", 1999 + SHIPPING, (9, 0))
    assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
    assert (drive(job), bank.taken(id), only(ada, id)["status"]) == ("succeeded", SHIPPING, "refunded")


def test_more_than_was_captured_is_never_given_back(ada: Person, sam: Person, bank: Bank) -> None:
    """Whatever went wrong before: here the return claims more than there is, and gets what its goods are worth."""
    id = paid(ada)
    shipped(sam, id)
    job = received(sam, id, asked(ada, id))
    with db.transaction() as session:
        session.query(RunRow).where(RunRow.id == job).one().input = {"return": only(ada, id)["id"], "amount": 10**6}
    assert drive(job) == "succeeded"
    assert (bank.taken(id), count(RefundRow), only(ada, id)["refund"]["amount"]) == (SHIPPING, 1, 1999)


def test_receiving_can_be_taken_back_before_the_shelf_is_touched(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    shipped(sam, id)
    rid = asked(ada, id)
    job = received(sam, id, rid)
    sam.post(f"/api/jobs/{job}/cancel")
    assert (drive(job), only(ada, id)["status"], only(ada, id)["refund"]["amount"]) == ("failed", "requested", 0)
    assert (shelf(), bank.taken(id)) == ((8, 0), 1999 + SHIPPING)
    assert drive(received(sam, id, rid)) == "succeeded"
    assert (shelf(), bank.taken(id)) == ((9, 0), SHIPPING)


@pytest.mark.parametrize(
    "change",
    [
        {"lines": []},
        {"lines": [{"sku": "CHAIR", "quantity": 1}] * 2},
        {"lines": [{"sku": "TABLE", "quantity": 1}]},
        {"lines": [{"sku": "CHAIR", "quantity": 0}]},
        {"lines": None},
        {"reason": "x" * 501},
        {"refund": 10**6},
        {"status": "refunded"},
    ],
)
def test_a_wish_that_makes_no_sense_is_422_and_changes_nothing(
    ada: Person, sam: Person, change: dict[str, Any]
) -> None:
    id = paid(ada)
    shipped(sam, id)
    assert problem(ada.post(f"/api/orders/{id}/returns", some(1) | change)) == (422, "validation_failed")
    assert count(ReturnRow) == 0


def test_a_return_of_another_order_is_not_there(ada: Person, sam: Person) -> None:
    first, second = paid(ada), paid(ada)
    shipped(sam, first)
    rid = asked(ada, first)
    for id, which in ((second, rid), (first, NOBODYS)):
        assert problem(sam.post(f"/api/orders/{id}/returns/{which}/receive", {})) == (404, "not_found")
    assert (only(ada, first)["status"], runs()) == ("requested", 0)


def test_customers_ask_and_do_not_receive(app: Flask, ada: Person, sam: Person, people: People) -> None:
    id, bob = paid(ada), people.join("Bob")
    shipped(sam, id)
    rid = asked(ada, id)
    where = f"/api/orders/{id}/returns"
    assert problem(ada.post(f"{where}/{rid}/receive", {})) == (403, "forbidden")
    assert problem(bob.post(where, some(1))) == (404, "not_found")
    assert problem(bob.get(where)) == (404, "not_found")
    assert problem(ask(app, "POST", where, some(1))) == (404, "not_found")
    assert (count(ReturnRow), runs()) == (1, 0)


def test_a_guest_sends_back_with_the_orders_token(app: Flask, sam: Person) -> None:
    token = guests_cart(app)
    placed = guests_order(app, token).json
    drive(placed["job"]["id"])
    shipped(sam, placed["order"]["id"])
    where = f"/api/orders/{placed['order']['id']}/returns"
    assert ask(app, "POST", where, some(1), {"X-Order-Token": placed["order_token"]}).status_code == 202
    assert count(ReturnRow) == 1


def test_the_timeline_tells_of_parcels_and_returns(ada: Person, sam: Person) -> None:
    id = paid(ada)
    shipped(sam, id)
    drive(received(sam, id, asked(ada, id)))
    moments = ada.get(f"/api/orders/{id}/timeline").json["items"]
    told = [(m["kind"], m["status"]) for m in moments if m["kind"] in ("fulfilment", "return")]
    assert sorted(told[:2]) == [("fulfilment", "pending"), ("fulfilment", "shipped")]
    assert told[2:] == [("return", "requested"), ("return", "received"), ("return", "refunded")]
    steps = [m["step"] for m in moments if m.get("workflow") == "return_order"]
    assert steps == ["restock", "refund_payment", "close_return", "notify_customer"]


def test_two_returns_of_one_order_in_one_wave_are_two_refunds(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=3)
    shipped(sam, id)
    jobs = [received(sam, id, asked(ada, id)) for _ in range(2)]
    for step in return_order.plan.steps:
        task = step_tasks[step.do]
        assert (local if task.local else remote).work(task, jobs)
    assert (bank.taken(id), count(RefundRow), shelf()) == (1999 + SHIPPING, 2, (8, 0))
    assert [item["status"] for item in ada.get(f"/api/orders/{id}/returns").json["items"]] == ["refunded"] * 2


def test_staff_need_say_nothing_when_all_is_well(ada: Person, sam: Person) -> None:
    id = paid(ada)
    assert sam.post(f"/api/orders/{id}/fulfilments").status_code == 201
    [parcel] = ada.get(f"/api/orders/{id}/fulfilments").json["items"]
    sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{parcel['id']}", {"status": "shipped"})
    rid = asked(ada, id)
    assert sam.post(f"/api/orders/{id}/returns/{rid}/receive").status_code == 202
    assert only(ada, id)["lines"][0]["resellable"] == 1
