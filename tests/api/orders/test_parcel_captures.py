"""Orders sent in several parcels, whose money was only authorised: each parcel takes its share when it leaves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

import db
from db.functions import in_seconds
from engine import Hold
from engine.outcomes import Unknown
from engine.tables import RunRow
from gateways.payments import Receipt
from shop.payments.payments import PaymentRow, TransactionRow
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.catalogue_data import SHIPPING, order_by, paid, put_on_shelf, shipped
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.api.staff_view import do, eur, give_back, kinds, payment, standing, sums

pytestmark = pytest.mark.usefixtures("sent", "later_on")

Well = Callable[[], list[str]]
WHOLE = 3 * 1999 + SHIPPING
FIRST, SECOND = WHOLE // 3, WHOLE * 2 // 3 - WHOLE // 3


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


def chair(staff: Person, id: str) -> str:
    """One more leaves. Returns its parcel."""
    return shipped(staff, id, lines=[{"sku": "CHAIR", "quantity": 1}])


def refused(staff: Person, id: str) -> tuple[int, str]:
    """Another chair is neither packed nor sent."""
    answer = staff.post(f"/api/orders/{id}/fulfilments", {"lines": [{"sku": "CHAIR", "quantity": 1}]})
    return problem(answer)


def captures(staff: Person) -> list[str]:
    """Oldest first."""
    return [job["id"] for job in staff.get("/api/jobs?workflow=capture_payment").json["items"]][::-1]


def capture(staff: Person) -> str:
    """How the newest ends."""
    return drive(captures(staff)[-1])


def hurry(job: str) -> str:
    """What it waits for is over."""
    with db.transaction() as session:
        waiting = update(RunRow).where(RunRow.id == job, RunRow.hold == Hold.BACKOFF)
        session.execute(waiting.values(hold=Hold.NONE))
    return drive(job)


def authorised_a_week_ago(id: str) -> None:
    with db.transaction() as session:
        theirs = select(PaymentRow.id).where(PaymentRow.order_id == id)
        old = update(TransactionRow).where(TransactionRow.payment_id.in_(theirs)).values(at=in_seconds(-7 * 86_400.0))
        session.execute(old)


def test_each_parcel_takes_its_share_and_the_last_the_rest(ada: Person, sam: Person, bank: Bank, well: Well) -> None:
    id = paid(ada, quantity=3)
    parcel = chair(sam, id)
    assert sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{parcel}", {"status": "delivered"}).status_code == 200
    desk = f"/api/payments/{payment(sam, id)['id']}"
    assert [problem(sam.post(f"{desk}/{what}", {}))[0] for what in ("capture", "void")] == [409, 409]
    assert (len(captures(sam)), capture(sam)) == (1, "succeeded")
    assert (sums(sam, id), standing(ada, id)[1]) == (("authorised", WHOLE - FIRST, FIRST, 0, 0), "partially_paid")
    assert problem(sam.post(f"{desk}/refunds", {"amount": eur(FIRST + 1), "reason": "x"}))[0] == 409
    assert drive(give_back(sam, id, 100)) == "succeeded"
    assert (sums(sam, id)[0], standing(ada, id)[1], well()) == ("authorised", "partially_refunded", [])
    for _ in range(2):
        chair(sam, id)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(drive, captures(sam))) == ["succeeded"] * 3
    taken = sorted(amount for kind, amount in kinds(sam, id) if kind == "capture")
    assert taken == sorted([FIRST, SECOND, WHOLE - FIRST - SECOND])
    assert (sums(sam, id), bank.taken(id), well()) == (("captured", 0, WHOLE, 100, 0), WHOLE - 100, [])
    assert len({one["provider_id"] for one in payment(sam, id)["transactions"] if one["kind"] == "capture"}) == 3


def test_a_share_whose_answer_is_lost_is_asked_for_again_and_taken_once(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, well: Well
) -> None:
    id = paid(ada, quantity=3)
    chair(sam, id)
    with monkeypatch.context() as lost:
        lost.setattr(bank, "capture", _lost(bank.capture))
        assert capture(sam) == "running"
    assert (bank.taken(id), sums(sam, id)[2]) == (FIRST, 0)
    assert (hurry(captures(sam)[0]), bank.taken(id)) == ("succeeded", FIRST)
    assert (sums(sam, id), well()) == (("authorised", WHOLE - FIRST, FIRST, 0, 0), [])


def _lost(call: Callable[..., Receipt]) -> Callable[..., Receipt]:
    def carried_out(*asked: Any, **more: Any) -> Receipt:
        call(*asked, **more)
        raise Unknown("timeout")

    return carried_out


def test_what_is_let_go_is_not_sent_and_what_was_taken_can_be_given_back(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada, quantity=3)
    chair(sam, id)
    packed = sam.post(f"/api/orders/{id}/fulfilments", {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json["id"]
    assert capture(sam) == "succeeded"
    job = do(sam, id, "void")
    assert refused(sam, id) == (409, "not_paid_for"), "it is as good as gone"
    assert drive(job) == "succeeded"
    assert (sums(sam, id), standing(ada, id)[1]) == (("captured", 0, FIRST, 0, 0), "partially_paid")
    assert kinds(sam, id)[-1] == ("void", WHOLE - FIRST)
    leaves = sam.ask("PATCH", f"/api/orders/{id}/fulfilments/{packed}", {"status": "shipped"})
    assert (problem(leaves), refused(sam, id)) == ((409, "not_paid_for"), (409, "not_paid_for"))
    assert (bank.taken(id), len(captures(sam)), well()) == (FIRST, 1, [])
    assert drive(give_back(sam, id, 100)) == "succeeded"
    assert (standing(ada, id)[1], well()) == ("partially_refunded", [])
    assert drive(do(sam, id, "refunds", reason="all of it")) == "succeeded"
    assert (sums(sam, id), standing(ada, id)[1]) == (("refunded", 0, FIRST, FIRST, 0), "refunded")
    assert (bank.taken(id), well()) == (0, [])


def test_an_authorisation_that_the_bank_forgot_needs_a_person_and_nothing_more_is_sent(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id, never = paid(ada, quantity=3), paid(ada)
    chair(sam, id)
    assert capture(sam) == "succeeded"
    for order in (id, never):
        bank.void(bank.charged[order], key=f"forgotten:{order}")
    chair(sam, id)
    assert capture(sam) == "needs_attention"
    assert (sums(sam, id), standing(ada, id)[1]) == (("captured", 0, FIRST, 0, 0), "partially_paid")
    assert (refused(sam, id), well()) == ((409, "not_paid_for"), [])
    job = captures(sam)[-1]
    assert sam.post(f"/api/jobs/{job}/retry").status_code == 202
    assert (drive(job), bank.taken(id)) == ("needs_attention", FIRST)
    chair(sam, never)
    assert (capture(sam), standing(ada, never)[1], sums(sam, never)[0]) == ("needs_attention", "unpaid", "voided")
    again = ada.post("/api/payments", {"order_id": never, "method": "card", "token": "tok_ok"})
    assert (drive(again.json["job"]["id"]), standing(ada, never)[1], well()) == ("succeeded", "paid", [])
    assert bank.taken(never) == 1999 + SHIPPING, "at once, for its goods have left"
    lost = captures(sam)[-1]
    assert sam.post(f"/api/jobs/{lost}/retry").status_code == 202
    assert (drive(lost), bank.taken(never), well()) == ("succeeded", 1999 + SHIPPING, []), (
        "its share was paid otherwise"
    )


def test_the_clock_lets_the_rest_go_unless_a_parcel_waits_for_its_share(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada, quantity=3)
    chair(sam, id)
    authorised_a_week_ago(id)
    maintenance.look_at_payments()
    assert sam.get("/api/jobs?workflow=void_payment").json["items"] == []
    assert capture(sam) == "succeeded"
    for _ in range(2):
        maintenance.look_at_payments()
    [job] = [job["id"] for job in sam.get("/api/jobs?workflow=void_payment").json["items"]]
    assert drive(job) == "succeeded"
    assert (sums(sam, id), bank.taken(id)) == (("captured", 0, FIRST, 0, 0), FIRST)
    assert (refused(sam, id), well()) == ((409, "not_paid_for"), [])


def test_a_parcel_that_leaves_while_staff_take_the_rest_takes_nothing(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada, quantity=3)
    chair(sam, id)
    assert capture(sam) == "succeeded"
    rest = do(sam, id, "capture")
    chair(sam, id)
    parcel = captures(sam)[-1]
    assert drive(parcel) == "running"
    chair(sam, id)
    third = captures(sam)[-1]
    assert (drive(rest), hurry(parcel), drive(third)) == ("succeeded", "succeeded", "succeeded")
    assert (sums(sam, id), bank.taken(id)) == (("captured", 0, WHOLE, 0, 0), WHOLE)
    assert (len(captures(sam)), standing(ada, id)[1], well()) == (4, "paid", [])


def test_what_comes_back_before_its_share_is_taken_waits_for_it(
    ada: Person, sam: Person, bank: Bank, well: Well
) -> None:
    id = paid(ada, quantity=3)
    chair(sam, id)
    where = f"/api/orders/{id}/returns"
    asked = ada.post(where, {"lines": [{"sku": "CHAIR", "quantity": 1}]}).json
    drive(asked["job"]["id"])
    back = sam.post(f"{where}/{asked['return']['id']}/receive", {}).json["job"]["id"]
    assert drive(back) == "running"
    assert (capture(sam), hurry(back), bank.taken(id)) == ("succeeded", "succeeded", FIRST - 1999)
    assert (sums(sam, id), well()) == (("authorised", WHOLE - FIRST, FIRST, 1999, 0), [])


def test_a_bank_that_captures_once_is_asked_for_all_of_it_with_the_first_parcel(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = bank.charge
    monkeypatch.setattr(bank, "charge", lambda *asked, key: replace(charge(*asked, key=key), in_parts=False))
    id = paid(ada, quantity=3)
    for _ in range(2):
        chair(sam, id)
    assert (len(captures(sam)), capture(sam), bank.taken(id)) == (1, "succeeded", WHOLE)
    chair(sam, id)
    assert (len(captures(sam)), standing(ada, id)) == (1, ("confirmed", "paid"))


def test_what_staff_have_taken_a_part_of_is_sent_up_to_that_part(ada: Person, sam: Person, bank: Bank) -> None:
    id = paid(ada, quantity=3)
    assert drive(do(sam, id, "capture", amount=eur(FIRST))) == "succeeded"
    chair(sam, id)
    assert (refused(sam, id), bank.taken(id), len(captures(sam))) == ((409, "not_paid_for"), FIRST, 1)


@pytest.mark.parametrize("in_parts", [True, False], ids=["in parts", "once"])
def test_nothing_leaves_while_staff_take_a_part_and_let_the_rest_go(
    ada: Person, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch, in_parts: bool
) -> None:
    charge = bank.charge
    monkeypatch.setattr(bank, "charge", lambda *asked, key: replace(charge(*asked, key=key), in_parts=in_parts))
    id, where = paid(ada, quantity=3), "/api/orders/{}/fulfilments"
    part = do(sam, id, "capture", amount=eur(FIRST))
    parcel = sam.post(where.format(id), {}).json["id"]
    assert problem(sam.ask("PATCH", f"{where.format(id)}/{parcel}", {"status": "shipped"})) == (409, "illegal_state")
    sam.ask("PATCH", f"{where.format(id)}/{parcel}", {"status": "cancelled"})
    assert problem(sam.post(where.format(id), {"status": "shipped"})) == (409, "illegal_state")
    assert (drive(part), len(captures(sam)), bank.taken(id)) == ("succeeded", 1, FIRST)
    chair(sam, id)
    assert refused(sam, id) == (409, "not_paid_for")


def test_cash_is_sent_before_it_is_paid(ada: Person, sam: Person) -> None:
    placed = order_by(ada, "cash_on_delivery")
    assert drive(placed["job"]["id"]) == "succeeded"
    chair(sam, placed["order"]["id"])
    assert (captures(sam), standing(ada, placed["order"]["id"])) == ([], ("confirmed", "pending"))
