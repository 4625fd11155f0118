"""A wish to send something back is a job: it can be withdrawn while it is fresh, and rejected with a reason."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import pytest
from flask import Flask

import db
from engine.tables import RunRow
from gateways.mail import Mail
from shop.fulfilment import returns
from shop.fulfilment.returns import Arrived, ReturnRow
from shop.notifications.outbox import NotificationRow
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, count, paid, put_on_shelf, shelf, shipped
from tests.api.clients import People, Person, problem
from tests.api.inline_worker import drive

WISH = {"lines": [{"sku": "CHAIR", "quantity": 1}], "reason": "too soft"}


@pytest.fixture(autouse=True)
def _goods(bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


@pytest.fixture
def id(ada: Person, sam: Person, sent: list[Mail]) -> str:
    """Ada's order of one chair, which she has got."""
    found = paid(ada)
    shipped(sam, found)
    sent.clear()
    return found


def asked(ada: Person, id: str) -> tuple[str, str]:
    """The return and the job."""
    answer = ada.post(f"/api/orders/{id}/returns", WISH)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/jobs/{answer.json['job']['id']}"
    return answer.json["return"]["id"], answer.json["job"]["id"]


def rejected(sam: Person, id: str, rid: str, reason: str = "It was worn <b>often</b>.") -> Any:
    return sam.post(f"/api/orders/{id}/returns/{rid}/reject", {"reason": reason})


def standing(ada: Person, id: str) -> list[str]:
    return [one["status"] for one in ada.get(f"/api/orders/{id}/returns").json["items"]]


def told(ada: Person, id: str) -> list[str]:
    moments = ada.get(f"/api/orders/{id}/timeline").json["items"]
    return [moment["status"] for moment in moments if moment["kind"] == "return"]


def test_who_asks_gets_a_job_and_a_mail(ada: Person, id: str, sent: list[Mail]) -> None:
    _, job = asked(ada, id)
    assert sent == []
    assert (drive(job), standing(ada, id)) == ("succeeded", ["requested"])
    [mail] = sent
    assert mail.to == ada.email
    assert "1 x Chair Plain" in mail.text
    assert ada.get(f"/api/jobs/{job}").json["workflow"] == "ask_return"
    assert ("return_asked", ada.email) in [
        (one["event"], one["recipient"]) for one in ada.get("/api/users/me/export").json["notifications"]
    ]


def test_a_fresh_wish_can_be_withdrawn_and_made_again(ada: Person, id: str, sent: list[Mail]) -> None:
    _, job = asked(ada, id)
    assert problem(ada.post(f"/api/orders/{id}/returns", WISH)) == (409, "too_many")
    assert ada.post(f"/api/jobs/{job}/cancel").status_code == 202
    assert (drive(job), standing(ada, id), sent) == ("failed", ["withdrawn"], [])
    assert told(ada, id) == ["requested", "withdrawn"]
    _, again = asked(ada, id)
    assert (drive(again), standing(ada, id)) == ("succeeded", ["withdrawn", "requested"])
    assert problem(ada.post(f"/api/jobs/{again}/cancel")) == (409, "too_late_to_cancel")


def test_a_return_is_rejected_with_a_reason_that_the_customer_reads(
    ada: Person, sam: Person, id: str, sent: list[Mail], bank: Bank
) -> None:
    rid, job = asked(ada, id)
    drive(job)
    answer = rejected(sam, id, rid)
    assert (answer.status_code, answer.json["return"]["status"]) == (202, "requested"), "nothing has happened yet"
    assert (drive(answer.json["job"]["id"]), standing(ada, id)) == ("succeeded", ["rejected"])
    [row] = ada.get(f"/api/orders/{id}/returns").json["items"]
    assert row["answer"] == "It was worn <b>often</b>."
    assert row["decided_at"]
    assert "The reason: It was worn <b>often</b>." in sent[-1].text
    assert "<b>often" not in (sent[-1].html or "")
    assert told(ada, id) == ["requested", "rejected"]
    assert (bank.taken(id), shelf()) == (1999 + SHIPPING, (8, 0))
    asked(ada, id)
    assert standing(ada, id) == ["rejected", "requested"]


def test_two_returns_of_one_order_are_two_mails(ada: Person, sam: Person, id: str, sent: list[Mail]) -> None:
    for _ in range(2):
        rid, job = asked(ada, id)
        drive(job)
        drive(rejected(sam, id, rid).json["job"]["id"])
    assert [mail.subject.split()[-1] for mail in sent] == ["noted", "accepted"] * 2
    assert count(NotificationRow, NotificationRow.event == "return_rejected") == 2


def test_what_is_decided_is_not_decided_again(ada: Person, sam: Person, id: str, bank: Bank) -> None:
    rid, _ = asked(ada, id)
    drive(rejected(sam, id, rid).json["job"]["id"])
    assert problem(rejected(sam, id, rid)) == (409, "illegal_state")
    assert problem(sam.post(f"/api/orders/{id}/returns/{rid}/receive", {})) == (409, "illegal_state")
    assert (count(RunRow, RunRow.workflow == "return_order"), bank.taken(id)) == (0, 1999 + SHIPPING)


def test_what_is_here_already_is_not_rejected(ada: Person, sam: Person, id: str, sent: list[Mail], bank: Bank) -> None:
    rid, _ = asked(ada, id)
    late = rejected(sam, id, rid).json["job"]["id"]
    here = sam.post(f"/api/orders/{id}/returns/{rid}/receive", {}).json["job"]["id"]
    assert (drive(late), standing(ada, id), sent) == ("failed", ["received"], [])
    assert sam.get(f"/api/jobs/{late}").json["error"]["code"] == "illegal_state"
    assert (drive(here), standing(ada, id), bank.taken(id)) == ("succeeded", ["refunded"], SHIPPING)


def test_of_two_who_reject_at_once_one_is_heard(ada: Person, sam: Person, id: str, sent: list[Mail]) -> None:
    rid, _ = asked(ada, id)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda reason: rejected(sam, id, rid, reason), ["one", "two"]))
    ends = [drive(answer.json["job"]["id"]) for answer in answers]
    assert (sorted(ends), len(sent), standing(ada, id)) == (["failed", "succeeded"], 1, ["rejected"])


@pytest.mark.parametrize("wrong", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 1}, {"reason": "x", "y": 1}])
def test_no_reason_no_rejecting(ada: Person, sam: Person, id: str, wrong: dict[str, Any]) -> None:
    rid, _ = asked(ada, id)
    assert problem(sam.post(f"/api/orders/{id}/returns/{rid}/reject", wrong)) == (422, "validation_failed")
    assert (standing(ada, id), count(RunRow, RunRow.workflow == "reject_return")) == (["requested"], 0)


def test_customers_do_not_reject(app: Flask, ada: Person, id: str, people: People) -> None:
    rid, _ = asked(ada, id)
    for person in (ada, people.join("Bob")):
        assert problem(rejected(person, id, rid)) == (403, "forbidden")
    assert count(RunRow, RunRow.workflow == "reject_return") == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_is_being_received_can_not_be_rejected_meanwhile(
    ada: Person, sam: Person, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that rejects has to wait, and finds it received then. SQLite has one writer."""
    rid, job = asked(ada, id)
    drive(job)
    unpack, rejections = returns._unpack, list[Future[bool]]()

    def reject_meanwhile(row: ReturnRow, arrived: Arrived | None) -> None:
        reject = partial(returns.decide, id=rid, to=returns.Status.REJECTED)
        rejections.append(other.submit(db.in_transaction, reject))
        wait(rejections, timeout=0.3)
        unpack(row, arrived)

    monkeypatch.setattr(returns, "_unpack", reject_meanwhile)
    with ThreadPoolExecutor(1) as other:
        assert sam.post(f"/api/orders/{id}/returns/{rid}/receive", {}).status_code == 202
        assert [rejection.result(10) for rejection in rejections] == [False]
    assert standing(ada, id) == ["received"]
