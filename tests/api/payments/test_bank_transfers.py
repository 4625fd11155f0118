"""Money that is sent to our account pays the payment that waits under its reference, once, and nothing is guessed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

import db
from db.functions import in_seconds
from db.schema import new_id
from doctor import bank_transfers
from engine.outcomes import TryAgain
from engine.tables import RunRow
from shop.bank_transfers.transfers import BankTransferRow, LookRow
from shop.payments.payments import PaymentRow, TransactionRow
from shop.privacy import order_anonymisation
from tasks import maintenance
from tests.api.bank import Bank, deliver, event
from tests.api.catalogue_data import SHIPPING, count, order, order_by, paid, put_on_shelf, shelf
from tests.api.clients import Person, problem
from tests.api.inline_worker import drive
from tests.sandboxes import wait_until

TOTAL = 1999 + SHIPPING
PATH = "/api/payments/transfers"

pytestmark = pytest.mark.usefixtures("sent")
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _goods(bank: Bank) -> None:
    put_on_shelf("CHAIR", price=1999, on_hand=9)


class Waiting:
    """An order that waits for its transfer."""

    def __init__(self, person: Person) -> None:
        placed = order_by(person, "bank_transfer")
        self.person, self.job = person, str(placed["job"]["id"])
        self.id, self.number = str(placed["order"]["id"]), str(placed["order"]["number"])
        assert drive(self.job) == "waiting"

    def standing(self) -> tuple[str, str]:
        seen = self.person.get(f"/api/orders/{self.id}").json
        return seen["status"], seen["payment_status"]

    def payment(self) -> str:
        [found] = self.person.get(f"/api/payments?order_id={self.id}").json["items"]
        return str(found["id"])

    def runs_out(self) -> None:
        with db.transaction() as session:
            session.execute(
                update(RunRow).where(RunRow.id == self.job).values(hold="none", wait_until=in_seconds(-1.0))
            )
        assert drive(self.job) == "failed"


@pytest.fixture
def waiting(ada: Person) -> Waiting:
    return Waiting(ada)


def told(app: Flask, transfer: str, **more: Any) -> list[str]:
    """The provider's webhook, and what becomes of the jobs that it starts."""
    about = {"id": transfer, "reference": "whatever", "status": "booked", "amount": 1, "currency": "EUR"}
    body = event("") | {"id": f"evt_{transfer}", "type": "transfer.received", "data": {"transfer": about}} | more
    assert deliver(app, body).status_code == 200
    return work()


def looked() -> list[str]:
    """The clock's look."""
    maintenance.ask_for_transfers()
    return work()


def work() -> list[str]:
    with db.reading() as session:
        mine = select(RunRow.id).where(RunRow.workflow == "receive_transfers", RunRow.hold == "none")
        ids = session.scalars(mine.order_by(RunRow.id)).all()
    return [at_rest(id) for id in ids]


def at_rest(id: str) -> str:
    """A look may take longer than a wave has patience for: then it is recorded by itself."""

    def is_called() -> bool:
        with db.reading() as session:
            return session.get_one(RunRow, id).hold == "call"

    drive(id)
    wait_until(lambda: not is_called(), seconds=60, what="the look to end")
    return drive(id)


def kept(staff: Person, query: str = "") -> list[tuple[str, str | None]]:
    """State and problem, newest first."""
    return [(one["state"], one["problem"]) for one in staff.get(f"{PATH}{query}").json["items"]]


def only(staff: Person) -> dict[str, Any]:
    [found] = staff.get(PATH).json["items"]
    return dict(found)


def captures() -> int:
    return count(TransactionRow, TransactionRow.kind == "capture")


def diagnosis() -> list[str]:
    """What the doctor finds in our own books."""
    checks = (bank_transfers.transfers_are_looked_into, bank_transfers.transfers_are_captured_once)
    with db.reading() as session:
        return [told for check in checks for told in check(session)]


def written_as(number: str) -> list[str]:
    spaced = f"{number[:4]} {number[4:8]}-{number[8:]}"
    return [number, number.lower(), spaced, f"Order no. {number}, thank you", f"  {spaced.lower()}/Ada L."]


# --- what comes pays ----------------------------------------------------------------------------------


def test_a_transfer_pays_the_order_that_it_names_and_the_order_goes_on(
    app: Flask, waiting: Waiting, sam: Person, bank: Bank
) -> None:
    transfer = bank.sent(TOTAL, waiting.number)
    assert told(app, transfer) == ["succeeded"]
    assert (drive(waiting.job), waiting.standing(), shelf()) == ("succeeded", ("confirmed", "paid"), (8, 0))
    found = only(sam)
    assert (found["state"], found["transfer_id"], found["order_id"]) == ("matched", transfer, waiting.id)
    assert (found["payment_id"], found["closed_by"], found["problem"]) == (waiting.payment(), None, None)
    with db.reading() as session:
        capture = session.scalars(select(TransactionRow)).one()
    assert (capture.kind, capture.amount, capture.provider_id) == ("capture", TOTAL, transfer)
    assert (diagnosis(), bank.charged) == ([], {})
    [seen] = sam.get("/api/webhooks/events").json["items"]
    assert (seen["type"], seen["problem"], seen["handled_at"] is not None) == ("transfer.received", None, True)


@on_sqlite
def test_a_reference_is_read_as_people_write_it(ada: Person, sam: Person, bank: Bank) -> None:
    for number in range(5):
        waiting = Waiting(ada)
        bank.sent(TOTAL, written_as(waiting.number)[number])
        assert looked() == ["succeeded"]
        assert drive(waiting.job) == "succeeded", written_as(waiting.number)[number]
    assert kept(sam, "?state=open") == []


def test_a_lost_webhook_loses_nothing(ada: Person, sam: Person, bank: Bank) -> None:
    """Page after page; what was there at the last look is no news at the next."""
    orders = [Waiting(ada) for _ in range(3)]
    for waiting in orders:
        bank.sent(TOTAL, waiting.number)
    assert (looked(), [drive(waiting.job) for waiting in orders]) == (["succeeded"], ["succeeded"] * 3)
    assert looked() == ["succeeded"]
    jobs = [job["result"] for job in sam.get("/api/jobs?workflow=receive_transfers").json["items"]]
    assert jobs == [{"came": 0, "matched_later": 0}, {"came": 3, "matched_later": 0}]
    assert (captures(), len(kept(sam, "?state=matched")), diagnosis()) == (3, 3, [])


@on_sqlite
def test_one_look_at_a_time_and_a_provider_that_is_away_is_asked_again(
    waiting: Waiting, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.sent(TOTAL, waiting.number)
    with monkeypatch.context() as away:
        away.setattr(bank.transfers, "came", lambda *_: (_ for _ in ()).throw(TryAgain("provider_unreachable")))
        assert looked() == ["running"]
        maintenance.ask_for_transfers()
    [job] = sam.get("/api/jobs?workflow=receive_transfers").json["items"]
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job["id"]).values(hold="none"))
    assert (at_rest(job["id"]), drive(waiting.job)) == ("succeeded", "succeeded")


@on_sqlite
def test_what_was_booked_while_we_were_away_for_weeks_is_asked_for(app: Flask, waiting: Waiting, bank: Bank) -> None:
    """A webhook that comes first does not hide what came before it."""
    looked()
    with db.transaction() as session:
        session.execute(update(LookRow).values(looked_until=in_seconds(-30 * 86_400)))
    bank.sent(TOTAL, waiting.number, days_ago=20)
    told(app, bank.sent(5, "nothing"))
    looked()
    assert drive(waiting.job) == "succeeded"


def test_the_same_transfer_told_and_seen_many_times_at_once_pays_once(
    app: Flask, waiting: Waiting, sam: Person, bank: Bank
) -> None:
    transfer = bank.sent(TOTAL, waiting.number)
    for n in range(4):
        body = {"id": transfer, "reference": "", "status": "booked", "amount": 1, "currency": "EUR"}
        deliver(app, event("") | {"id": f"evt_{n % 3}", "type": "transfer.received", "data": {"transfer": body}})
    maintenance.ask_for_transfers()
    with db.reading() as session:
        jobs = session.scalars(select(RunRow.id).where(RunRow.workflow == "receive_transfers")).all()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(at_rest, jobs)) == ["succeeded"] * 4
    assert (drive(waiting.job), captures(), kept(sam)) == ("succeeded", 1, [("matched", None)])


@on_sqlite
def test_an_event_alone_pays_nothing(app: Flask, waiting: Waiting, sam: Person, bank: Bank) -> None:
    """The bank is asked, and knows of none; of one that it knows its own words count."""
    lie = {"reference": waiting.number, "status": "booked", "amount": TOTAL, "currency": "EUR"}
    assert told(app, "tr_none", data={"transfer": {"id": "tr_none", **lie}}) == ["failed"]
    transfer = bank.sent(1, waiting.number)
    assert told(app, transfer, data={"transfer": {"id": transfer, **lie}}) == ["succeeded"]
    assert (drive(waiting.job), captures(), kept(sam)) == ("waiting", 0, [("open", "too_little")])


# --- what does not fit is kept and shown --------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (TOTAL - 1, "EUR", "too_little"),
        (TOTAL + 1, "EUR", "too_much"),
        (TOTAL, "USD", "other_currency"),
    ],
)
@on_sqlite
def test_other_money_than_is_owed_pays_for_nothing(
    waiting: Waiting, sam: Person, bank: Bank, amount: int, currency: str, why: str
) -> None:
    bank.sent(amount, waiting.number, currency)
    looked()
    assert (drive(waiting.job), waiting.standing(), captures()) == ("waiting", ("pending", "pending"), 0)
    assert (kept(sam), only(sam)["order_id"]) == ([("open", why)], waiting.id)
    [said] = diagnosis()
    assert f"{amount} {currency} is held for nothing: {why}" in said
    wish = {"payment_id": waiting.payment()}
    wanted = (422, "validation_failed") if why == "too_much" else (409, "transfer_does_not_fit")
    assert problem(sam.post(f"{PATH}/{only(sam)['id']}/match", wish)) == wanted
    assert (drive(waiting.job), kept(sam)) == ("waiting", [("open", why)])


@on_sqlite
def test_a_reference_that_names_nothing_or_two_is_for_staff(ada: Person, sam: Person, bank: Bank) -> None:
    orders = [Waiting(ada), Waiting(ada)]
    for reference in ("", "my order", "2" * 10, " and ".join(waiting.number for waiting in orders), "\u0660" * 300):
        bank.sent(TOTAL, reference)
    looked()
    assert kept(sam, "?problem=unknown_reference") == [("open", "unknown_reference")] * 5
    assert (len(diagnosis()), [drive(waiting.job) for waiting in orders]) == (5, ["waiting"] * 2)


def test_money_that_comes_after_the_order_was_given_up_is_held_and_seen(
    waiting: Waiting, sam: Person, bank: Bank
) -> None:
    waiting.runs_out()
    bank.sent(TOTAL, waiting.number)
    looked()
    assert (waiting.standing(), captures()) == (("failed", "unpaid"), 0)
    found = only(sam)
    assert (found["state"], found["problem"], found["order_id"]) == ("open", "too_late", waiting.id)
    assert f"too_late, order {waiting.id}" in diagnosis()[0]
    match = {"payment_id": waiting.payment()}
    assert problem(sam.post(f"{PATH}/{found['id']}/match", match)) == (409, "illegal_state")
    settled = sam.post(f"{PATH}/{found['id']}/settle", {"note": "sent back on Monday"})
    assert (settled.status_code, settled.json["state"], settled.json["closed_by"]) == (200, "settled", sam.id)
    assert (diagnosis(), kept(sam, "?state=open"), settled.json["note"]) == ([], [], "sent back on Monday")
    assert problem(sam.post(f"{PATH}/{found['id']}/settle", {"note": "again"})) == (409, "illegal_state")


@on_sqlite
def test_the_second_of_two_transfers_for_one_order_is_seen(waiting: Waiting, sam: Person, bank: Bank) -> None:
    for _ in range(2):
        bank.sent(TOTAL, waiting.number)
        looked()
    assert (captures(), kept(sam)) == (1, [("open", "already_paid"), ("matched", None)])


@on_sqlite
def test_an_order_that_is_paid_otherwise_takes_no_transfer(ada: Person, sam: Person, bank: Bank) -> None:
    asked = order(ada, token="tok_3ds")
    drive(asked["job"]["id"])
    by_card = ada.get(f"/api/orders/{paid(ada)}").json["number"]
    bank.sent(TOTAL, by_card)
    bank.sent(TOTAL, asked["order"]["number"])
    looked()
    assert sorted(why for _, why in kept(sam) if why) == ["already_paid", "not_awaited"]
    assert captures() == 1


def test_money_for_an_order_on_the_move_is_looked_at_again_when_it_rests(
    app: Flask, ada: Person, sam: Person, bank: Bank
) -> None:
    """Before the order waits; while it is being called off; while staff write down that it has come."""
    early, off, by_hand = order_by(ada, "bank_transfer"), Waiting(ada), Waiting(ada)
    assert ada.post(f"/api/orders/{off.id}/cancel").status_code == 202
    capture = sam.post(f"/api/payments/{by_hand.payment()}/capture", {}).json["job"]["id"]
    for number in (early["order"]["number"], off.number, by_hand.number):
        bank.sent(TOTAL, number)
    looked()
    assert (kept(sam), captures(), diagnosis()) == ([("open", "under_way")] * 3, 0, [])
    assert (drive(early["job"]["id"]), drive(off.job), drive(capture)) == ("waiting", "failed", "succeeded")
    looked()
    assert sorted(map(str, kept(sam))) == sorted(
        map(str, [("matched", None), ("open", "too_late"), ("open", "already_paid")])
    )
    assert (drive(early["job"]["id"]), drive(by_hand.job), captures()) == ("succeeded", "succeeded", 2)


# --- by hand ------------------------------------------------------------------------------------------


def test_staff_say_what_a_transfer_was_for(waiting: Waiting, sam: Person, bank: Bank) -> None:
    bank.sent(TOTAL, "the chair")
    looked()
    answer = sam.post(f"{PATH}/{only(sam)['id']}/match", {"payment_id": waiting.payment()})
    assert (answer.status_code, answer.json["state"], answer.json["closed_by"]) == (200, "matched", sam.id)
    assert (answer.json["order_id"], answer.json["payment_id"]) == (waiting.id, waiting.payment())
    assert (drive(waiting.job), waiting.standing(), captures(), diagnosis()) == (
        "succeeded",
        ("confirmed", "paid"),
        1,
        [],
    )


@on_sqlite
def test_what_is_too_much_is_explained_and_the_order_is_paid_what_it_costs(
    waiting: Waiting, sam: Person, bank: Bank
) -> None:
    bank.sent(TOTAL + 500, waiting.number)
    looked()
    wish = {"payment_id": waiting.payment(), "note": "5 EUR sent back"}
    assert sam.post(f"{PATH}/{only(sam)['id']}/match", wish).json["note"] == "5 EUR sent back"
    with db.reading() as session:
        assert session.scalars(select(PaymentRow.captured)).one() == TOTAL
    assert (drive(waiting.job), diagnosis()) == ("succeeded", [])


def test_staff_and_the_machine_at_once_one_wins(ada: Person, sam: Person, bank: Bank) -> None:
    """Two transfers for one payment: one by the machine, one by hand, and a capture by hand beside them."""
    for _ in range(3):
        waiting = Waiting(ada)
        bank.sent(TOTAL, "unreadable")
        looked()
        [open_one] = sam.get(f"{PATH}?problem=unknown_reference&state=open").json["items"]
        bank.sent(TOTAL, waiting.number)
        maintenance.ask_for_transfers()
        payment, before = waiting.payment(), captures()
        acts = [
            lambda: work(),
            lambda one=open_one, to=payment: sam.post(f"{PATH}/{one['id']}/match", {"payment_id": to}).status_code,
            lambda to=payment: sam.post(f"/api/payments/{to}/capture", {}).status_code,
        ]
        with ThreadPoolExecutor(3) as pool:
            ended = [future.result() for future in [pool.submit(act) for act in acts]]
        assert ended[0] == ["succeeded"]
        assert set(ended[1:]) <= {200, 202, 409}
        captured = sam.get("/api/jobs?workflow=capture_payment&limit=1").json["items"]
        for job in captured:
            drive(job["id"])
        looked()
        assert (drive(waiting.job), captures() - before) == ("succeeded", 1)
        for one in sam.get(f"{PATH}?state=open").json["items"]:
            sam.post(f"{PATH}/{one['id']}/settle", {"note": "sent back"})
    assert diagnosis() == []


@on_sqlite
def test_what_is_not_there_is_not_matched(waiting: Waiting, sam: Person, ada: Person, bank: Bank) -> None:
    bank.sent(TOTAL, "?")
    looked()
    id = only(sam)["id"]
    assert problem(sam.post(f"{PATH}/{id}/match", {"payment_id": new_id()})) == (404, "not_found")
    assert problem(sam.post(f"{PATH}/{new_id()}/match", {"payment_id": waiting.payment()})) == (404, "not_found")
    assert problem(sam.post(f"{PATH}/{id}/settle", {"note": ""})) == (422, "validation_failed")
    assert problem(ada.get(PATH)) == (403, "forbidden")
    assert (count(BankTransferRow, BankTransferRow.closed_at.is_(None)), captures()) == (1, 0)


# --- providers and the doctor -------------------------------------------------------------------------


@on_sqlite
def test_a_provider_that_knows_no_transfers_is_not_asked(
    app: Flask, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank, "transfers", None)
    assert (looked(), told(app, "tr_1")) == ([], ["failed"])
    [job] = sam.get("/api/jobs?workflow=receive_transfers").json["items"]
    assert job["error"]["code"] == "provider_tells_of_no_transfers"


@on_sqlite
def test_the_doctor_sees_what_the_bank_has_and_we_have_not_and_a_capture_that_is_not_so(
    waiting: Waiting, sam: Person, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.sent(TOTAL, waiting.number)
    looked()
    at = {"amount": 5, "currency": "EUR", "at": "2026-01-01T00:00:00.000+00:00"}
    books = [{"id": id, **at} for id in (only(sam)["transfer_id"], "tr_lost")]
    monkeypatch.setattr(bank_transfers.sandbox_ledger, "books", lambda: {"transfers": books})
    with db.reading() as session:
        found = list(bank_transfers.transfers_are_here(session))
    assert (found, diagnosis()) == (["transfer tr_lost of 5 EUR came to the bank and is not here"], [])
    with db.transaction() as session:
        session.execute(update(BankTransferRow).values(amount=1))
    assert "whose transactions say otherwise" in diagnosis()[0]


@on_sqlite
def test_an_order_that_forgets_its_customer_forgets_what_they_wrote(waiting: Waiting, sam: Person, bank: Bank) -> None:
    bank.sent(TOTAL, f"{waiting.number} from Ada Lovelace")
    looked()
    with db.transaction() as session:
        order_anonymisation.forget(session, [waiting.id])
    assert (only(sam)["reference"], only(sam)["state"]) == ("", "matched")
