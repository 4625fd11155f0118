"""The bank's ledger beside ours: what agrees is counted, what differs is told, and no money moves."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

import db
from db.functions import in_seconds, transaction_time
from db.schema import new_id
from doctor.payments import reconciliations_are_settled
from engine.tables import RunRow
from gateways.mail import Mail
from gateways.payments import Entry, Intent
from shop.payments.payments import PaymentRow, TransactionRow
from shop.reconciliation import reports
from shop.reconciliation.reports import LineRow, Moved, ReconciliationRow
from tasks import maintenance
from tests.api.bank import Bank
from tests.api.catalogue_data import count, order, put_on_shelf, shipped
from tests.api.clients import People, Person, problem
from tests.api.http.test_foreign_ids import everything
from tests.api.inline_worker import drive
from tests.sandboxes import wait_until

PATH = "/api/payments/reconciliations"
NOTHING = {"matched": 0, "missing_here": 0, "unknown_here": 0, "missing_there": 0, "different": 0, "under_way": 0}
TOTAL = 1999 + 490


@pytest.fixture
def root(people: People) -> Person:
    return people.join("Root", role="admin")


@pytest.fixture(autouse=True)
def _goods(app: Flask, bank: Bank, sent: list[Mail]) -> None:
    put_on_shelf(on_hand=50)


def paid(person: Person) -> str:
    """An order that was paid two hours ago."""
    placed = order(person)
    assert drive(placed["job"]["id"]) == "succeeded"
    long_ago()
    return str(placed["order"]["id"])


def long_ago() -> None:
    with db.transaction() as session:
        session.execute(
            update(TransactionRow).where(TransactionRow.at > in_seconds(-3600)).values(at=in_seconds(-7000))
        )


def moment(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def begun(root: Person, since: float = -6, until: float = 0) -> tuple[str, str]:
    """The reconciliation's id and its job's."""
    answer = root.post(PATH, {"from": moment(since), "to": moment(until)})
    assert answer.status_code == 202, answer.text
    return answer.json["reconciliation"]["id"], answer.json["job"]["id"]


def ended(job: str) -> str:
    """How it ended. A ledger may take longer than a wave has patience for: then it is recorded by itself."""
    wait_until(lambda: drive(job) in ("succeeded", "failed"), seconds=60, what="the job to end")
    return drive(job)


def at_rest(job: str) -> str:
    """How it waits for its next attempt."""

    def hold() -> str:
        with db.reading() as session:
            return session.get_one(RunRow, job).hold

    drive(job)
    wait_until(lambda: hold() == "backoff", seconds=60, what="the attempt to fail")
    return drive(job)


def reconciled(root: Person, since: float = -6, until: float = 0) -> dict[str, Any]:
    id, job = begun(root, since, until)
    assert ended(job) == "succeeded"
    body: dict[str, Any] = root.get(f"{PATH}/{id}").json
    return body


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in NOTHING if found[name]}


def diagnosis() -> list[str]:
    with db.reading() as session:
        return list(reconciliations_are_settled(session))


def change(bank: Bank, order: str, **values: Any) -> None:
    """The bank says something else of an order's capture."""
    key = ("capture", bank.charged[order])
    bank.book[key] = replace(bank.book[key], **values)


def test_what_agrees_is_counted_and_not_kept(ada: Person, root: Person) -> None:
    paid(ada)
    assert drive(ada.post(f"/api/orders/{paid(ada)}/cancel").json["job"]["id"]) == "succeeded"
    long_ago()
    found = reconciled(root)
    assert counts(found) == {"matched": 3}
    assert (found["differences"], found["lines"], found["lines_left_out"]) == (0, [], 0)
    assert found["finished_at"] is not None
    assert (count(LineRow), diagnosis()) == (0, [])


@pytest.mark.usefixtures("later_on")
def test_the_captures_of_an_authorisation_agree_one_by_one(ada: Person, sam: Person, root: Person, bank: Bank) -> None:
    placed = order(ada, quantity=3)
    drive(placed["job"]["id"])
    for _ in range(3):
        shipped(sam, placed["order"]["id"], lines=[{"sku": "CHAIR", "quantity": 1}])
    for job in sam.get("/api/jobs?workflow=capture_payment").json["items"]:
        assert drive(job["id"]) == "succeeded"
    long_ago()
    assert counts(reconciled(root)) == {"matched": 3}
    [*_, last] = [key for key in bank.book if key[0] == "capture"]
    bank.book[last] = replace(bank.book[last], amount=1)
    assert counts(reconciled(root)) == {"matched": 2, "different": 1}


def test_what_differs_is_told_line_by_line_and_no_money_moves(
    ada: Person, root: Person, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    paid(ada)
    unknown = Entry("dispute", "dp_1", 700, "EUR", "", datetime.now(UTC) - timedelta(hours=3))
    bank.book[("dispute", "dp_1")] = unknown
    lost, more, other = paid(ada), paid(ada), paid(ada)
    del bank.book[("capture", bank.charged[lost])]
    change(bank, more, amount=TOTAL + 1)
    change(bank, other, currency="USD")
    before = _money()

    with caplog.at_level(logging.WARNING):
        found = reconciled(root)
    assert counts(found) == {"matched": 1, "missing_here": 1, "missing_there": 1, "different": 2}
    told = {line["provider_id"]: line for line in found["lines"]}
    assert set(told) == {"dp_1", *(bank.charged[id] for id in (lost, more, other))}
    assert _said(told["dp_1"]) == ("missing_here", "dispute", None, (700, "EUR"), None)
    assert _said(told[bank.charged[lost]]) == ("missing_there", "capture", lost, None, (TOTAL, "EUR"))
    assert _said(told[bank.charged[more]]) == ("different", "capture", more, (TOTAL + 1, "EUR"), (TOTAL, "EUR"))
    assert _said(told[bank.charged[other]]) == ("different", "capture", other, (TOTAL, "USD"), (TOTAL, "EUR"))
    assert _money() == before
    [line] = [record.getMessage() for record in caplog.records if "the ledgers differ" in record.getMessage()]
    assert found["id"] in line
    [breach] = diagnosis()
    assert breach.endswith("1 missing here, 1 missing there, 2 different")


def test_orders_that_only_the_bank_knows_tell_of_a_restored_backup_however_young(
    ada: Person, root: Person, sam: Person, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    """Two orders were placed and charged after the backup was made: one hours ago, one a moment ago."""
    paid(ada)
    old, young, by_hand = new_id(), new_id(), _hours_ago(3)
    bank.book[("capture", "ch_old")] = Entry("capture", "ch_old", 500, "EUR", old, _hours_ago(3))
    bank.book[("capture", "ch_young")] = Entry("capture", "ch_young", 700, "EUR", young, datetime.now(UTC))
    bank.book[("capture", "ch_hand")] = Entry("capture", "ch_hand", 5, "EUR", "a phone call", by_hand)
    with caplog.at_level(logging.WARNING):
        found = reconciled(root, until=0.1)
    assert counts(found) == {"matched": 1, "missing_here": 1, "unknown_here": 2}
    assert found["differences"] == 3
    told = {line["provider_id"]: (line["verdict"], line["reference"], line["order_id"]) for line in found["lines"]}
    assert told == {
        "ch_old": ("unknown_here", old, None),
        "ch_young": ("unknown_here", young, None),
        "ch_hand": ("missing_here", "a phone call", None),
    }
    assert any("2 unknown_here" in record.getMessage() for record in caplog.records)
    assert diagnosis()[0].endswith("0 different, 2 of orders unknown here")
    with db.reading() as session:
        assert reports.orders_looked_into(session) == set()
    assert sam.post(f"{PATH}/{found['id']}/settle", {"note": "given back"}).status_code == 200
    with db.reading() as session:
        assert reports.orders_looked_into(session) == {old, young}


def test_what_only_the_bank_knows_of_an_order_that_we_have_names_the_order(
    ada: Person, root: Person, bank: Bank
) -> None:
    id = paid(ada)
    bank.book[("capture", "ch_2")] = Entry("capture", "ch_2", 5, "EUR", id, _hours_ago(3))
    [line] = reconciled(root)["lines"]
    assert (line["verdict"], line["provider_id"], line["order_id"]) == ("missing_here", "ch_2", id)


def test_differences_are_settled_once_by_somebody_who_says_how(
    ada: Person, root: Person, sam: Person, bank: Bank
) -> None:
    change(bank, paid(ada), amount=1)
    id = reconciled(root)["id"]
    answer = sam.post(f"{PATH}/{id}/settle", {"note": "a typing error at the bank, see their letter"})
    assert (answer.status_code, answer.json["settled_by"]) == (200, sam.id)
    assert answer.json["note"] == "a typing error at the bank, see their letter"
    assert diagnosis() == []
    assert problem(root.post(f"{PATH}/{id}/settle", {"note": "again"})) == (409, "illegal_state")
    assert root.get(f"{PATH}/{id}").json["settled_by"] == sam.id
    assert root.get(f"{PATH}/{id}").json["differences"] == 1, "it stays in the report"


def test_without_differences_there_is_nothing_to_settle(ada: Person, root: Person) -> None:
    paid(ada)
    id = reconciled(root)["id"]
    assert problem(root.post(f"{PATH}/{id}/settle", {"note": "x"})) == (409, "illegal_state")


def test_what_is_still_under_way_is_no_difference(ada: Person, root: Person, bank: Bank) -> None:
    """The bank has charged; whoever was to write it down has not yet. And something happened a moment ago."""
    placed = order(ada)
    drive(placed["job"]["id"], steps=1)
    bank.book[("capture", "ch_1")] = Entry("capture", "ch_1", 5, "EUR", placed["order"]["id"], _hours_ago(3))
    bank.book[("capture", "ch_2")] = Entry("capture", "ch_2", 5, "EUR", "", datetime.now(UTC) - timedelta(minutes=14))
    found = reconciled(root)
    assert counts(found) == {"under_way": 2}
    assert {line["provider_id"] for line in found["lines"]} == {"ch_1", "ch_2"}
    assert diagnosis() == []
    assert drive(placed["job"]["id"]) == "succeeded"
    long_ago()
    again = reconciled(root)
    assert counts(again) == {"matched": 1, "missing_here": 1, "under_way": 1}, "ch_1 was not of it after all"
    assert counts(root.get(f"{PATH}/{found['id']}").json) == {"missing_here": 1, "under_way": 1}, "ch_2 is as young"


def test_what_was_under_way_is_closed_by_the_next_and_both_say_so(
    ada: Person, root: Person, sam: Person, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    """One is written down after all, one appears at the bank, one never does, one was a difference all along."""
    late, slow, never = (order(ada) for _ in range(3))
    for placed in (slow, never):
        drive(placed["job"]["id"], steps=2)
    long_ago()
    hidden = [bank.book.pop(("capture", bank.charged[placed["order"]["id"]])) for placed in (slow, never)]
    drive(late["job"]["id"], steps=1)
    charge = bank.charge(_intent(late["order"]["id"]), key=f"{late['job']['id']}:charge_payment").provider_id
    bank.book[("dispute", "dp_1")] = Entry("dispute", "dp_1", 5, "EUR", "", _hours_ago(3))
    first = reconciled(root, until=-0.5)
    assert counts(first) == {"missing_here": 1, "under_way": 3}
    assert sam.post(f"{PATH}/{first['id']}/settle", {"note": "a dispute"}).status_code == 200

    bank.book[("capture", hidden[0].provider_id)] = hidden[0]
    for placed in (late, slow, never):
        assert drive(placed["job"]["id"]) == "succeeded"
    far = reconciled(root, -200, -100)
    assert counts(root.get(f"{PATH}/{first['id']}").json) == counts(first), "it has not looked where they may be"
    with caplog.at_level(logging.WARNING):
        second, job = begun(root, -0.5)
        assert ended(job) == "succeeded"
    result = root.get(f"/api/jobs/{job}").json["result"]
    assert result["looked_again"] == {first["id"]: {"matched": 2, "missing_there": 1}}
    assert "has become a difference" in caplog.text

    now_told = root.get(f"{PATH}/{first['id']}").json
    assert counts(now_told) == {"missing_here": 1, "missing_there": 1, "matched": 2}
    assert (now_told["settled_at"], now_told["lines_left_out"], len(diagnosis())) == (None, 0, 1)
    closed = {line["provider_id"]: (line["verdict"], line["closed_in"]) for line in now_told["lines"]}
    assert closed == {
        "dp_1": ("missing_here", None),
        charge: ("matched", second),
        hidden[0].provider_id: ("matched", second),
        hidden[1].provider_id: ("missing_there", second),
    }
    assert counts(far) == {}


def _intent(order: str) -> Intent:
    return Intent(TOTAL, "EUR", "tok_ok", order)


def test_what_was_written_down_later_than_it_moved_is_found_across_the_edge(
    ada: Person, root: Person, bank: Bank
) -> None:
    change(bank, paid(ada), at=_hours_ago(12))
    bank.book[("capture", "ch_1")] = Entry("capture", "ch_1", 5, "EUR", "", _hours_ago(12))
    assert counts(reconciled(root)) == {"matched": 1}, "and nothing of what is before"
    assert counts(reconciled(root, -13, -5)) == {"matched": 1, "missing_here": 1}


def test_payments_of_another_provider_are_not_asked_of_this_one(ada: Person, root: Person, bank: Bank) -> None:
    paid(ada)
    with db.transaction() as session:
        session.execute(update(PaymentRow).values(provider="stripe"))
    bank.book.clear()
    assert counts(reconciled(root)) == {}


def test_a_bank_that_fails_on_a_page_is_asked_for_that_page_again(ada: Person, root: Person, bank: Bank) -> None:
    for number in range(5):
        bank.book[("capture", f"ch_{number}")] = Entry("capture", f"ch_{number}", 5, "EUR", "", _hours_ago(3))
    id, job = begun(root)
    with db.transaction() as session:
        page = reports.next_page(session, id)
        assert page is not None
        first = [Moved("capture", f"ch_{number}", 5, "EUR", "", _hours_ago(3)) for number in range(2)]
        for _ in range(2):  # two workers, the one believed dead
            reports.take_page(session, id, page.number, first, "2")
    bank.down = True
    assert at_rest(job) == "running"
    assert (bank.asked, count(LineRow)) == (["2"], 2)

    bank.down = False
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == job).values(hold="none", due_at=transaction_time()))
    assert ended(job) == "succeeded"
    assert bank.asked == ["2", "2", "4"]
    assert counts(root.get(f"{PATH}/{id}").json) == {"missing_here": 5}


def test_one_that_is_called_off_keeps_no_lines_and_says_nothing(root: Person, bank: Bank) -> None:
    bank.book[("capture", "ch_1")] = Entry("capture", "ch_1", 5, "EUR", "", _hours_ago(3))
    id, job = begun(root)
    drive(job, steps=1)
    wait_until(lambda: count(LineRow) == 1, seconds=60, what="the only page")
    assert root.post(f"/api/jobs/{job}/cancel").status_code == 202
    assert ended(job) == "failed"
    found = root.get(f"{PATH}/{id}").json
    assert (found["finished_at"], counts(found), found["lines"]) == (None, {}, [])
    assert (count(LineRow), diagnosis()) == (0, [])


def test_the_clock_reconciles_each_day_once(root: Person) -> None:
    for _ in range(3):
        maintenance.reconcile_payments()
    [row] = root.get(PATH).json["items"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(row["to"]) == today
    assert datetime.fromisoformat(row["from"]) == today - timedelta(days=1)
    assert count(RunRow, RunRow.workflow == "reconcile_payments") == 1


def test_a_bank_without_a_ledger_is_not_asked_by_the_clock(app: Flask, configure: Any) -> None:
    configure(PAYMENT_PROVIDER="instant")
    maintenance.reconcile_payments()
    assert count(ReconciliationRow) == 0


def test_days_that_make_no_sense_are_refused(root: Person) -> None:
    at = datetime.now(UTC)
    for since, until, field in NONSENSE:
        window = {name: (at + timedelta(hours=hours)).isoformat() for name, hours in (("from", since), ("to", until))}
        answer = root.post(PATH, window)
        assert (problem(answer), list(answer.json["errors"])) == ((422, "validation_failed"), [field]), window
    for body in NO_TIMES:
        assert problem(root.post(PATH, body))[0] == 422, body
    assert count(ReconciliationRow) == 0


NONSENSE = [(0, 0, "to"), (-1, -2, "to"), (-800, 0, "to"), (1, 2, "from"), (-3e5, -2.9995e5, "from")]  # hours from now
NO_TIMES: list[Any] = [
    {},
    [],
    {"from": 1},
    {"from": "yesterday", "to": "today"},
    {"from": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00"},
    {"from": "0001-01-01T00:00:00+23:59", "to": "2026-01-01T00:00:00Z"},
    {"from": "2026-01-01T00:00:00Z", "to": "0001-01-01T00:00:00+23:59"},
    {"from": "9999-12-31T23:00:00-23:59", "to": "9999-12-31T23:59:59-23:59"},
]


def test_only_admins_begin_and_only_staff_look(ada: Person, sam: Person) -> None:
    before = everything()
    for person in (ada, sam):
        assert problem(person.post(PATH, {"from": moment(-2), "to": moment(-1)})) == (403, "forbidden")
    assert problem(ada.get(PATH)) == (403, "forbidden")
    assert everything() == before
    assert sam.get(PATH).json == {"items": [], "next": None}


def _money() -> list[str]:
    with db.reading() as session:
        rows = [*session.execute(select(PaymentRow.__table__)), *session.execute(select(TransactionRow.__table__))]
        return sorted(map(repr, rows))


def _said(line: dict[str, Any]) -> tuple[Any, ...]:
    sides = [side and (side["amount"], side["currency"]) for side in (line["theirs"], line["ours"])]
    return (line["verdict"], line["kind"], line["order_id"], *sides)


def _hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)
