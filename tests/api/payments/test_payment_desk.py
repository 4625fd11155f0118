"""What staff do with payments: capture, void, refund with a ceiling, ask the provider, settle by hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

import db
from db.functions import in_seconds
from engine.outcomes import Refused, Unknown
from engine.tables import RunRow
from gateways.payments import Intent, Receipt
from shop.payments.payments import PaymentRow, TransactionRow
from shop.payments.refund_rows import RefundRow
from shop.refunds import staff_actions
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, count, order, paid, put_on_shelf, shipped
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import do, eur, give_back, kinds, payment, standing, sums

TOTAL = 1999 + SHIPPING

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


@pytest.mark.usefixtures("later_on")
def test_what_is_authorised_is_captured_when_it_is_sent(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    assert (standing(ada, id), bank.taken(id)) == (("confirmed", "authorised"), 0)
    assert (sums(sam, id), well()) == (("authorised", TOTAL, 0, 0, 0), [])
    shipped(sam, id)
    [job] = [job["id"] for job in sam.get("/api/jobs?workflow=capture_payment").json["items"]]
    assert drive(job) == "succeeded"
    assert (standing(ada, id), bank.taken(id)) == (("confirmed", "paid"), TOTAL)
    assert kinds(sam, id) == [("authorise", TOTAL), ("capture", TOTAL)]
    assert (sums(sam, id), well()) == (("captured", 0, TOTAL, 0, 0), [])


@pytest.mark.usefixtures("later_on")
def test_a_part_is_captured_once_and_the_rest_is_let_go(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    where = f"/api/payments/{payment(sam, id)['id']}/capture"
    assert problem(sam.post(where, {"amount": eur(TOTAL + 1)})) == (422, "validation_failed")
    assert problem(sam.post(where, {"amount": {"amount": 5, "currency": "USD"}})) == (422, "validation_failed")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sam.post(where, {"amount": eur(1000)}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    [job] = [answer.json["job"]["id"] for answer in answers if answer.status_code == 202]
    assert (drive(job), bank.taken(id), standing(ada, id)) == ("succeeded", 1000, ("confirmed", "partially_paid"))
    assert (problem(sam.post(where, {})), well()) == ((409, "illegal_state"), [])


@pytest.mark.usefixtures("later_on")
def test_what_is_voided_is_not_paid_for_and_not_sent(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    assert drive(do(sam, id, "void")) == "succeeded"
    assert (sums(sam, id), standing(ada, id)) == (("voided", 0, 0, 0, 0), ("confirmed", "unpaid"))
    assert problem(sam.post(f"/api/orders/{id}/fulfilments")) == (409, "illegal_state")
    assert (bank.taken(id), kinds(sam, id)[-1], well()) == (0, ("void", TOTAL), [])


@pytest.mark.usefixtures("later_on")
def test_an_authorised_order_called_off_is_voided(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    job = ada.post(f"/api/orders/{id}/cancel").json["job"]["id"]
    assert (drive(job), standing(ada, id)) == ("succeeded", ("cancelled", "unpaid"))
    assert (sums(sam, id), bank.taken(id)) == (("voided", 0, 0, 0, 0), 0)


@pytest.mark.usefixtures("later_on")
def test_what_nobody_captures_in_time_is_let_go_by_the_clock(ada: Person, sam: Person) -> None:
    id, young = paid(ada), paid(ada)
    with db.transaction() as session:
        theirs = select(PaymentRow.id).where(PaymentRow.order_id == id)
        old = update(TransactionRow).where(TransactionRow.payment_id.in_(theirs)).values(at=in_seconds(-7 * 86_400.0))
        session.execute(old)
    for _ in range(2):
        maintenance.look_at_payments()
    [job] = [job["id"] for job in sam.get("/api/jobs?workflow=void_payment").json["items"]]
    assert drive(job) == "succeeded"
    assert (standing(ada, id), standing(ada, young)) == (("confirmed", "unpaid"), ("confirmed", "authorised"))


def test_parts_are_given_back_up_to_what_was_taken(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    assert drive(give_back(sam, id, 1000)) == "succeeded"
    assert (sums(sam, id), standing(ada, id)) == (
        ("captured", 0, TOTAL, 1000, 0),
        ("confirmed", "partially_refunded"),
    )
    told = ada.get(f"/api/orders/{id}").json, ada.get("/api/orders").json["items"][0]
    assert [order["refunded"] for order in told] == [eur(1000), eur(1000)]
    where, wish = f"/api/payments/{payment(sam, id)['id']}/refunds", {"reason": "x"}
    answer = sam.post(where, wish | {"amount": eur(TOTAL - 999)})
    assert (problem(answer), answer.json["left"]) == ((409, "refund_exceeds_payment"), TOTAL - 1000)
    assert (count(RefundRow), well()) == (1, [])
    assert drive(do(sam, id, "refunds", reason="all of it")) == "succeeded"
    assert (sums(sam, id), bank.taken(id), well()) == (("refunded", 0, TOTAL, TOTAL, 0), 0, [])
    assert problem(sam.post(f"/api/orders/{id}/fulfilments", {})) == (409, "illegal_state"), "nor is it sent any more"


def test_fifty_at_once_never_give_back_more_than_was_taken(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    where, wish = f"/api/payments/{payment(sam, id)['id']}/refunds", {"amount": eur(1000), "reason": "x"}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: sam.post(where, wish), range(50)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [409] * 48
    for job in [answer.json["job"]["id"] for answer in answers if answer.status_code == 202]:
        assert drive(job) == "succeeded"
    assert (bank.taken(id), sums(sam, id)) == (TOTAL - 2000, ("captured", 0, TOTAL, 2000, 0))


def test_a_refund_called_off_before_it_began_does_not_count(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    job = give_back(sam, id, TOTAL)
    assert sam.post(f"/api/jobs/{job}/cancel").status_code == 202
    assert (drive(job), bank.taken(id)) == ("failed", TOTAL)
    assert drive(give_back(sam, id, TOTAL)) == "succeeded"


def test_a_refund_as_store_credit_leaves_the_bank_alone(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    assert drive(give_back(sam, id, 500, to="wallet")) == "succeeded"
    assert ada.get("/api/users/me/wallet").json["balances"] == [eur(500)]
    assert (sums(sam, id), bank.taken(id)) == (("captured", 0, TOTAL, 0, 500), TOTAL)
    assert well() == []


def test_store_credit_that_is_called_off_while_the_bank_is_asked_is_not_called_given(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, fetch = paid(ada), bank.fetch
    job = give_back(sam, id, 500, to="wallet")

    def called_off_meanwhile(charge: str) -> Receipt:
        with db.transaction() as session:
            staff_actions.cancel_request(session, [job])
        return fetch(charge)

    monkeypatch.setattr(bank, "fetch", called_off_meanwhile)
    drive(job)
    seen = sam.get(f"/api/jobs/{job}").json
    assert (seen["status"], ada.get("/api/users/me/wallet").json["balances"]) == ("needs_attention", [])


def test_a_refused_refund_is_tried_again_or_settled_by_hand(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, well: Callable[[], list[str]]
) -> None:
    id = paid(ada)
    with monkeypatch.context() as today:
        today.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
        first, second = give_back(sam, id, 500), give_back(sam, id, 300)
        assert [drive(first), drive(second)] == ["needs_attention"] * 2
    assert (sums(sam, id), standing(ada, id)) == (("captured", 0, TOTAL, 0, 0), ("confirmed", "paid"))
    assert sam.post(f"/api/jobs/{first}/retry").status_code == 202
    assert (drive(first), bank.taken(id)) == ("succeeded", TOTAL - 500)
    assert sam.post(f"/api/jobs/{second}/settle", {"note": "in cash"}).status_code == 202
    assert (drive(second), bank.taken(id)) == ("succeeded", TOTAL - 500)
    step = sam.get(f"/api/jobs/{second}").json["steps"][1]
    assert (step["status"], step["output"]["note"]) == ("skipped", "settled by hand: in cash")
    assert (sums(sam, id), kinds(sam, id)[-1]) == (("captured", 0, TOTAL, 500, 300), ("settle", 300))
    assert (standing(ada, id), well()) == (("confirmed", "partially_refunded"), [])
    assert problem(sam.post(f"/api/jobs/{second}/settle", {"note": "again"})) == (409, "not_needing_attention")


def test_an_undo_that_the_bank_refuses_is_settled_by_hand(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = order(ada)
    id, job = placed["order"]["id"], placed["job"]["id"]
    drive(job, steps=2)
    ada.post(f"/api/orders/{id}/cancel")
    monkeypatch.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
    assert drive(job) == "needs_attention"
    assert sam.post(f"/api/jobs/{job}/settle", {"note": "in cash"}).status_code == 202
    assert (drive(job), standing(ada, id)) == ("failed", ("cancelled", "refunded"))
    assert sums(sam, id) == ("refunded", 0, TOTAL, 0, TOTAL)


def test_only_money_is_settled(ada: Person, sam: Person) -> None:
    placed = order(ada)
    with db.transaction() as session:
        mine = update(RunRow).where(RunRow.id == placed["job"]["id"])
        session.execute(mine.values(state="needs_attention", hold="end", error={"step": "notify_customer"}))
    answer = sam.post(f"/api/jobs/{placed['job']['id']}/settle", {"note": "x"})
    assert (problem(answer), sums(sam, placed["order"]["id"])) == ((409, "illegal_state"), ("created", 0, 0, 0, 0))


def test_the_provider_is_asked_and_nothing_is_corrected(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    job = do(sam, id, "verify")
    assert drive(job) == "succeeded"
    told = sam.get(f"/api/jobs/{job}").json["steps"][0]["output"]
    assert told == {"ours": "captured", "theirs": "captured", "agrees": True, **eur(TOTAL)}
    bank._keep(replace(bank._get(bank.charged[id]), amount=1))
    job = do(sam, id, "verify")
    drive(job)
    assert sam.get(f"/api/jobs/{job}").json["steps"][0]["output"]["agrees"] is False
    assert (sums(sam, id), len(kinds(sam, id))) == (("captured", 0, TOTAL, 0, 0), 1)


def test_a_charge_of_another_amount_is_given_back_whole(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = bank.charge

    def too_much(intent: Intent, *, key: str) -> Receipt:
        return charge(replace(intent, amount=intent.amount + 1), key=key)

    monkeypatch.setattr(bank, "charge", too_much)
    placed = order(ada)
    id = placed["order"]["id"]
    assert (drive(placed["job"]["id"]), bank.taken(id)) == ("failed", 0)
    assert ada.get(f"/api/jobs/{placed['job']['id']}").json["error"]["code"] == "amount_mismatch"
    assert (kinds(sam, id), standing(ada, id)[0]) == ([("capture", TOTAL + 1), ("refund", TOTAL + 1)], "failed")


def test_money_that_comes_after_the_order_was_given_up_goes_back(ada: Person, sam: Person, bank: Bank) -> None:
    placed = order(ada, token="tok_3ds")
    id = placed["order"]["id"]
    drive(placed["job"]["id"])
    ada.post(f"/api/orders/{id}/cancel")
    assert drive(placed["job"]["id"]) == "failed"
    bank.approve(id)
    assert bank.taken(id) == TOTAL
    assert (drive(do(sam, id, "verify")), bank.taken(id)) == ("succeeded", 0)
    assert sums(sam, id) == ("refunded", 0, TOTAL, TOTAL, 0)
    assert drive(do(sam, id, "verify")) == "succeeded"
    with db.reading() as session:
        assert session.scalars(select(PaymentRow.refunded)).one() == TOTAL


@pytest.mark.parametrize("after", ["retry", "settle"])
def test_a_charge_that_turns_up_late_and_is_not_given_back_is_on_record(
    ada: Person,
    sam: Person,
    bank: Bank,
    monkeypatch: pytest.MonkeyPatch,
    well: Callable[[], list[str]],
    after: str,
) -> None:
    """Of an order that was given up; and of one whose charge had no answer when it was called off."""
    late, unheard = order(ada, token="tok_3ds"), order(ada)
    drive(late["job"]["id"])
    ada.post(f"/api/orders/{late['order']['id']}/cancel")
    drive(late["job"]["id"])
    bank.approve(late["order"]["id"])
    with monkeypatch.context() as lost:
        lost.setattr(bank, "charge", _lost(bank.charge))
        drive(unheard["job"]["id"], steps=2)
    ada.post(f"/api/orders/{unheard['order']['id']}/cancel")
    jobs = {late["order"]["id"]: do(sam, late["order"]["id"], "verify"), unheard["order"]["id"]: unheard["job"]["id"]}
    with monkeypatch.context() as today:
        today.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))
        assert [drive(job) for job in jobs.values()] == ["needs_attention"] * 2
    for id, job in jobs.items():
        assert (sums(sam, id), kinds(sam, id)[-1]) == (("captured", 0, TOTAL, 0, 0), ("capture", TOTAL))
        wish = {"note": "in cash"} if after == "settle" else None
        assert sam.post(f"/api/jobs/{job}/{after}", wish).status_code == 202
        drive(job)
        back = (0, TOTAL) if after == "settle" else (TOTAL, 0)
        assert sums(sam, id) == ("refunded", 0, TOTAL, *back)
        assert standing(ada, id)[1] == "refunded"
        assert bank.taken(id) == back[1]
    assert well() == []


def _lost(charge: Callable[..., Receipt]) -> Callable[..., Receipt]:
    """It is carried out, and the answer does not come."""

    def call(*asked: Any, **more: Any) -> Receipt:
        charge(*asked, **more)
        raise Unknown("timeout")

    return call


@pytest.mark.parametrize(
    "wish",
    [
        {"reason": ""},
        {"reason": "x", "amount": eur(0)},
        {"reason": "x", "amount": {"amount": 1.5, "currency": "EUR"}},
        {"reason": "x", "amount": {"amount": -1, "currency": "EUR"}},
        {"reason": "x", "amount": {"amount": 1, "currency": "USD"}},
        {"reason": "x", "to": "my own pocket"},
        {"amount": eur(1)},
    ],
)
def test_a_refund_that_makes_no_sense_is_422(ada: Person, sam: Person, wish: dict[str, Any]) -> None:
    id = paid(ada)
    answer = sam.post(f"/api/payments/{payment(sam, id)['id']}/refunds", wish)
    assert (problem(answer), count(RefundRow)) == ((422, "validation_failed"), 0)


@pytest.mark.usefixtures("later_on")
def test_a_capture_that_a_cancel_overtakes_captures_nothing_and_is_in_nobodys_way(
    ada: Person, sam: Person, bank: Bank, well: Callable[[], list[str]]
) -> None:
    """Found by a sequence of acts: the capture was refused, its payment stayed busy, and the cancel waited for ever."""
    id = paid(ada)
    capture = do(sam, id, "capture")
    cancel = ada.post(f"/api/orders/{id}/cancel").json["job"]["id"]
    assert drive(capture) == "succeeded"
    assert (drive(cancel), standing(ada, id)) == ("succeeded", ("cancelled", "unpaid"))
    assert (bank.taken(id), sums(sam, id), well()) == (0, ("voided", 0, 0, 0, 0), [])
