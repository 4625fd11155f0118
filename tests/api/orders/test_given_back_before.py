"""Money that went back before, by whatever way, and money that nobody owes: nothing ends in a dead end or is locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
from doctor.payments import no_refund_is_forgotten
from engine import Hold
from engine.outcomes import Refused, TryAgain
from engine.tables import RunRow
from shop.payments.refund_rows import RefundRow, Status
from tests.api.bank import Bank, deliver, event
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
    shipped,
)
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.api.orders.test_returns import asked, only, received
from tests.api.staff_view import do, eur, give_back, payment, standing, sums

pytestmark = pytest.mark.usefixtures("sent")

Well = Callable[[], list[str]]
GOODS = 10_000
TOTAL = GOODS + SHIPPING


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=GOODS, on_hand=9)


def comes_back(ada: Person, sam: Person, id: str, quantity: int = 1) -> tuple[str, dict[str, Any]]:
    """All that was shipped and asked for is received. Returns how its job ends, and the return."""
    state = drive(received(sam, id, asked(ada, id, quantity)))
    return state, only(ada, id)


def money(back: dict[str, Any]) -> tuple[int, int, int]:
    return back["share"]["amount"], back["given_before"]["amount"], back["refund"]["amount"]


def refuses(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "refund", lambda *_, **__: (_ for _ in ()).throw(Refused("refund_refused")))


def test_a_return_gives_back_what_is_left_of_its_share(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    id = paid(ada)
    shipped(sam, id)
    assert drive(give_back(sam, id, 1000)) == "succeeded"
    rid = asked(ada, id)
    answer = sam.post(f"/api/orders/{id}/returns/{rid}/receive", {})
    assert money(answer.json["return"]) == (GOODS, 1000, GOODS - 1000), "told apart before the job has begun"
    assert drive(answer.json["job"]["id"]) == "succeeded"
    assert (only(ada, id)["status"], money(only(ada, id))) == ("refunded", (GOODS, 1000, GOODS - 1000))
    assert (bank.taken(id), shelf(), well()) == (SHIPPING, (9, 0), [])
    told = [one for one in ada.get(f"/api/orders/{id}/timeline").json["items"] if one["kind"] == "return"]
    assert told[-1] | {"at": None, "return_id": None} == {
        "at": None,
        "kind": "return",
        "status": "refunded",
        "return_id": None,
        "share": eur(GOODS),
        "given_before": eur(1000),
        "kept_back": eur(0),
        "refund": eur(GOODS - 1000),
    }


def test_what_was_given_as_credit_or_by_hand_counts_as_well(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, well: Well
) -> None:
    id = paid(ada, quantity=2)
    shipped(sam, id)
    assert drive(give_back(sam, id, 4000, to="wallet")) == "succeeded"
    with monkeypatch.context() as today:
        refuses(bank, today)
        job = give_back(sam, id, 7000)
        assert drive(job) == "needs_attention"
    assert sam.post(f"/api/jobs/{job}/settle", {"note": "in cash"}).status_code == 202
    assert comes_back(ada, sam, id, 2)[0] == "succeeded"
    assert money(only(ada, id)) == (2 * GOODS, 11_000, 9000)
    assert (sums(sam, id), well()) == (("captured", 0, 2 * GOODS + SHIPPING, 9000, 11_000), [])


def test_goods_whose_money_is_all_back_come_back_for_nothing(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    id = paid(ada)
    shipped(sam, id)
    assert drive(do(sam, id, "refunds", reason="all of it")) == "succeeded"
    state, back = comes_back(ada, sam, id)
    assert (state, back["status"], money(back)) == ("succeeded", "refunded", (GOODS, GOODS, 0))
    assert (bank.taken(id), shelf(), count(RefundRow), well()) == (0, (9, 0), 1, [])


def test_a_refund_in_between_is_seen(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    """It is given after the goods were received, and before their money went back."""
    id = paid(ada)
    shipped(sam, id)
    job = received(sam, id, asked(ada, id))
    assert money(only(ada, id)) == (GOODS, 0, GOODS)
    assert drive(give_back(sam, id, 3000)) == "succeeded"
    assert (drive(job), money(only(ada, id)), bank.taken(id)) == ("succeeded", (GOODS, 3000, 7000), SHIPPING)
    assert well() == []


def test_a_refund_that_the_bank_refuses_in_between_is_owed_again(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    shipped(sam, id)
    refund = give_back(sam, id, 3000)
    job = received(sam, id, asked(ada, id))
    assert money(only(ada, id)) == (GOODS, 3000, 7000)
    with monkeypatch.context() as today:
        refuses(bank, today)
        assert drive(refund) == "needs_attention"
    assert (drive(job), money(only(ada, id)), bank.taken(id)) == ("succeeded", (GOODS, 0, GOODS), SHIPPING)
    assert sam.post(f"/api/jobs/{refund}/retry").status_code == 202
    assert (drive(refund), bank.taken(id)) == ("succeeded", SHIPPING - 490), (
        "of what is left: it was 3000 that they wanted"
    )


def test_cash_that_never_came_is_not_given_back(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    """The parcel was refused at the door."""
    placed = order_by(ada, "cash_on_delivery")
    id = placed["order"]["id"]
    assert drive(placed["job"]["id"]) == "succeeded"
    shipped(sam, id)
    state, back = comes_back(ada, sam, id)
    assert (state, back["status"], money(back)) == ("succeeded", "refunded", (GOODS, GOODS, 0))
    assert (shelf(), standing(ada, id), sums(sam, id)[0]) == ((9, 0), ("confirmed", "pending"), "pending")
    assert well() == []


@pytest.mark.usefixtures("later_on")
def test_what_was_let_go_is_not_given_back(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    id = paid(ada)
    assert drive(do(sam, id, "capture", amount=eur(TOTAL))) == "succeeded"
    shipped(sam, id)
    assert drive(do(sam, id, "refunds", reason="late", amount=eur(GOODS))) == "succeeded"
    assert (comes_back(ada, sam, id)[0], bank.taken(id), well()) == ("succeeded", SHIPPING, [])


def test_a_guest_has_no_wallet(app: Flask, sam: Person, bank: Bank, well: Well) -> None:
    placed = guests_order(app, guests_cart(app)).json
    id = placed["order"]["id"]
    assert drive(placed["job"]["id"]) == "succeeded"
    where = f"/api/payments/{payment(sam, id)['id']}/refunds"
    wish = {"amount": eur(500), "reason": "a scratch", "to": "wallet"}
    assert problem(sam.post(where, wish)) == (409, "no_wallet")
    assert (count(RefundRow), count(RunRow, RunRow.workflow == "refund_payment")) == (0, 0)
    assert drive(give_back(sam, id, TOTAL)) == "succeeded"
    assert (bank.taken(id), well()) == (0, [])


def test_whoever_has_left_has_no_wallet_either(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    """Not when they left before, nor when they leave between the asking and the giving."""
    id = paid(ada)
    job = give_back(sam, id, 500, to="wallet")
    assert ada.ask("DELETE", "/api/users/me").status_code == 204
    assert drive(job) == "needs_attention"
    assert sam.get(f"/api/jobs/{job}").json["error"]["code"] == "no_wallet"
    where = f"/api/payments/{payment(sam, id)['id']}/refunds"
    assert problem(sam.post(where, {"amount": eur(500), "reason": "x", "to": "wallet"})) == (409, "no_wallet")
    assert (count(RefundRow, RefundRow.status == Status.ASKED), well()) == (0, [])
    assert drive(give_back(sam, id, TOTAL)) == "succeeded", "its amount is free again"
    assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
    assert (drive(job), bank.taken(id), well()) == ("succeeded", 0, []), "nothing is left that it could give"


def test_credit_is_not_given_back_to_nobody(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    credit(sam, ada, TOTAL)
    placed = order_by(ada, "wallet")
    id = placed["order"]["id"]
    assert drive(placed["job"]["id"]) == "succeeded"
    assert ada.ask("DELETE", "/api/users/me").status_code == 204
    job = sam.post(f"/api/orders/{id}/cancel").json["job"]["id"]
    assert drive(job) == "needs_attention"
    assert sam.get(f"/api/jobs/{job}").json["error"]["code"] == "refund_by_hand"
    assert sam.post(f"/api/jobs/{job}/settle", {"note": "by transfer"}).status_code == 202
    assert (drive(job), sums(sam, id), well()) == ("succeeded", ("refunded", 0, TOTAL, 0, TOTAL), [])


def test_a_refund_that_is_skipped_does_not_lock_its_amount(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    job = give_back(sam, id, TOTAL)
    with db.transaction() as session:  # its worker was lost again and again, after the bank was asked
        mine = update(RunRow).where(RunRow.id == job)
        session.execute(mine.values(state="needs_attention", hold="end", step=1, error={"step": "refund_payment"}))
    assert sam.post(f"/api/jobs/{job}/skip", {"note": "not to be"}).status_code == 202
    assert count(RefundRow, RefundRow.error_code == "skipped") == 1
    assert (drive(give_back(sam, id, TOTAL)), bank.taken(id)) == ("succeeded", 0)


def test_staff_and_an_order_that_turns_back_give_the_money_back_once(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    """The money is taken, staff promise some of it, and the order is called off before it is confirmed."""
    placed = order(ada)
    id, job = placed["order"]["id"], placed["job"]["id"]
    drive(job, steps=2)
    refund = give_back(sam, id, 4000)
    ada.post(f"/api/orders/{id}/cancel")
    assert (drive(job), bank.taken(id)) == ("compensating", TOTAL), "it waits for what staff are about to give"
    assert (drive(refund), bank.taken(id)) == ("succeeded", TOTAL - 4000)
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job).values(hold=Hold.NONE))
    assert (drive(job), bank.taken(id), standing(ada, id)) == ("failed", 0, ("cancelled", "refunded"))
    assert (sums(sam, id), well()) == (("refunded", 0, TOTAL, TOTAL, 0), [])


def test_the_doctor_sees_a_refund_that_nobody_gives(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada)
    assert drive(give_back(sam, id, 500)) == "succeeded"
    with db.transaction() as session:
        session.execute(update(RefundRow).values(status=Status.ASKED))
    with db.reading() as session:
        [told] = no_refund_is_forgotten(session)
    assert "500 is asked for, and no job gives it back any more" in told


def by_hand(bank: Bank, id: str, amount: int) -> None:
    """Somebody gives it back at the bank's own desk."""
    bank.refund(bank.charged[id], amount, key=f"at the desk: {amount}")


def test_what_was_given_back_at_the_banks_own_desk_is_heard_of(
    app: Flask, ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada)
    shipped(sam, id)
    by_hand(bank, id, 3000)
    charge = {"status": "succeeded", "amount": TOTAL}
    told = event(id, bank.charged[id], **charge) | {"type": "charge.refunded"}
    assert [deliver(app, told).status_code for _ in range(2)] == [200, 200]
    [job] = [job["id"] for job in sam.get("/api/jobs?workflow=verify_payment").json["items"]]
    assert drive(job) == "succeeded"
    assert (sums(sam, id), standing(ada, id)) == (("captured", 0, TOTAL, 3000, 0), ("confirmed", "partially_refunded"))
    assert drive(do(sam, id, "verify")) == "succeeded", "once"
    assert comes_back(ada, sam, id)[0] == "succeeded"
    assert (money(only(ada, id)), bank.taken(id), well()) == ((GOODS, 3000, 7000), SHIPPING, [])


def test_what_nobody_told_us_of_is_found_when_the_bank_has_not_so_much(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada)
    shipped(sam, id)
    by_hand(bank, id, 3000)
    job = received(sam, id, asked(ada, id))
    assert drive(job) == "needs_attention"
    assert sam.get(f"/api/jobs/{job}").json["error"]["code"] == "refund_exceeds_charge"
    assert sums(sam, id) == ("captured", 0, TOTAL, 3000, 0)
    assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
    assert (drive(job), money(only(ada, id))) == ("succeeded", (GOODS, 3000, 7000))
    assert (bank.taken(id), well()) == (SHIPPING, [])


@pytest.mark.parametrize(("wanted", "ends", "credit"), [(TOTAL, "needs_attention", 0), (7000, "succeeded", 7000)])
def test_no_credit_is_given_for_what_went_back_unheard_of(
    ada: Person, sam: Person, bank: Bank, well: Well, wanted: int, ends: str, credit: int
) -> None:
    id = paid(ada)
    by_hand(bank, id, 3000)
    job = give_back(sam, id, wanted, to="wallet")
    assert drive(job) == ends
    assert [one["amount"] for one in ada.get("/api/users/me/wallet").json["balances"]] == [credit] * bool(credit)
    if ends == "needs_attention":
        assert sam.get(f"/api/jobs/{job}").json["error"]["code"] == "refund_exceeds_charge"
        assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
        assert (drive(job), sums(sam, id)) == ("succeeded", ("refunded", 0, TOTAL, 3000, TOTAL - 3000))
        assert ada.get("/api/users/me/wallet").json["balances"] == [eur(TOTAL - 3000)]
    assert (bank.taken(id), well()) == (TOTAL - 3000, [])


def test_credit_waits_for_a_bank_that_is_away(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = paid(ada)
    with monkeypatch.context() as today:
        today.setattr(bank, "fetch", lambda *_: (_ for _ in ()).throw(TryAgain("provider_unreachable")))
        job = give_back(sam, id, 500, to="wallet")
        assert drive(job) == "running"
        assert ada.get("/api/users/me/wallet").json["balances"] == []
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job).values(hold=Hold.NONE))
    assert (drive(job), sums(sam, id)) == ("succeeded", ("captured", 0, TOTAL, 0, 500))


def test_our_own_refund_is_not_taken_for_somebody_elses(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    id = paid(ada)
    assert drive(give_back(sam, id, 3000)) == "succeeded"
    assert drive(do(sam, id, "verify")) == "succeeded"
    assert (sums(sam, id), count(RefundRow), well()) == (("captured", 0, TOTAL, 3000, 0), 1, [])
