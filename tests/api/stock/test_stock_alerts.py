"""Who asked to be told that a SKU is here again is told once, if they may be, and if it is true by then."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
import letters
import tasks.campaigns.stock_alerts
from db.schema import new_id
from doctor.notifications import alerts_are_carried
from doctor.privacy import nothing_is_left_of_who_left
from engine.tables import RunRow
from gateways.mail import Mail
from shop.accounts import email_addresses
from shop.catalogue.tables import ProductRow
from shop.consent import suppressions
from shop.consent.suppressions import Reason
from shop.stock import alert_subscriptions, reservations
from shop.stock import alerts as stock_alerts
from shop.stock.alerts import State, StockAlertRow
from tests.api.carts.test_cart_reminders import wishing
from tests.api.catalogue_data import count, put_on_shelf
from tests.api.clients import People, Person, ask, problem
from tests.api.inline_worker import drive
from tests.api.mailing_list import Postman, work_off

PATH = "/api/users/me/stock-alerts"
WANTED = {("back_in_stock", "email"): True}
NOT_ANY_MORE = {("back_in_stock", "email"): False}


@pytest.fixture
def postman(app: Flask, sent: list[Mail], monkeypatch: pytest.MonkeyPatch) -> Iterator[Postman]:
    """`sent` takes the other mails: were they to fail, the mail server would be taken to be away."""
    found = Postman()
    monkeypatch.setattr(tasks.campaigns.stock_alerts, "mailer", lambda: found)
    letters.write("back_in_stock", letters.SAMPLES["back_in_stock"], "en")  # the first is slow: see drive.py
    put_on_shelf("CHAIR", on_hand=0)
    put_on_shelf("TABLE", on_hand=0)
    return found


def waiting(person: Person, sku: str = "CHAIR") -> Person:
    answer = person.post(PATH, {"sku": sku})
    assert (answer.status_code, answer.json["sku"]) == (201, sku)
    return person


def listed(person: Person) -> list[str]:
    return [row["sku"] for row in person.get(PATH).json["items"]]


def move(sam: Person, quantity: int, sku: str = "CHAIR") -> None:
    kind = "receive" if quantity > 0 else "adjust"
    answer = sam.post(f"/api/stock/{sku}/movements", {"kind": kind, "quantity": quantity, "reason": "test"})
    assert answer.status_code == 201, answer.text


def well() -> list[str]:
    with db.reading() as session:
        return [*alerts_are_carried(session), *nothing_is_left_of_who_left(session)]


def test_who_waits_is_told_once_and_the_alert_is_used_up(people: People, sam: Person, postman: Postman) -> None:
    ada, bob = (waiting(wishing(people.join(name), WANTED)) for name in ("Ada", "Bob"))
    waiting(ada, "TABLE")
    move(sam, 3)
    assert count(StockAlertRow, StockAlertRow.sku == "CHAIR") == 2
    work_off()
    assert postman.told == [ada.email, bob.email]
    mail = postman.mails[0]
    assert mail.subject == "Chair Plain is here again"
    assert "/account/product#slug=chair" in mail.text
    token = mail.headers["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert f"http://127.0.0.1:8000/account/unsubscribe#token={token}" in mail.text.split()
    assert (listed(ada), listed(bob)) == (["TABLE"], [])
    move(sam, -3)
    move(sam, 5)
    work_off()
    assert len(postman.mails) == 2
    assert well() == []


def test_more_on_the_shelf_is_no_coming_back(people: People, sam: Person, postman: Postman) -> None:
    ada = wishing(people.join("Ada"), WANTED)
    move(sam, 1, "TABLE")
    assert problem(ada.post(PATH, {"sku": "TABLE"})) == (409, "in_stock")
    waiting(ada)
    move(sam, 2, "TABLE")
    work_off()
    assert (postman.mails, listed(ada)) == ([], ["CHAIR"])
    assert count(RunRow, RunRow.workflow == "tell_of_stock") == 0


def test_what_an_order_gives_back_is_a_coming_back(people: People, sam: Person, postman: Postman) -> None:
    move(sam, 1)
    held = new_id()
    with db.transaction() as session:
        assert reservations.reserve(session, {held: {"CHAIR": 1}}) == {}
    ada = waiting(wishing(people.join("Ada"), WANTED))
    with db.transaction() as session:
        reservations.release(session, [held])
    work_off()
    assert postman.told == [ada.email]


def _gone(ada: Person, sam: Person) -> None:
    move(sam, -3)


def _says_no(ada: Person, sam: Person) -> None:
    wishing(ada, NOT_ANY_MORE)


def _other_address(ada: Person, sam: Person) -> None:
    body = {"email": "other@example.com", "current_password": ada.password}
    assert ada.ask("PATCH", "/api/users/me", body).status_code == 200


def _complained(ada: Person, sam: Person) -> None:
    with db.transaction() as session:
        suppressions.add(session, [email_addresses.hashed(ada.email)], Reason.COMPLAINT)


@pytest.mark.parametrize("change", [_gone, _says_no, _other_address, _complained])
def test_what_happens_before_the_mail_leaves_wins_and_they_go_on_waiting(
    people: People, sam: Person, postman: Postman, change: Any
) -> None:
    ada = waiting(wishing(people.join("Ada"), WANTED))
    move(sam, 3)
    _let_go()
    assert count(StockAlertRow, StockAlertRow.state == State.TELLING) == 1
    change(ada, sam)
    work_off()
    assert (postman.mails, listed(ada)) == ([], ["CHAIR"])
    assert count(StockAlertRow, StockAlertRow.state == State.WAITING) == 1
    if change is _gone:
        move(sam, 1)
        work_off()
        assert postman.told == [ada.email]
    assert well() == []


def _let_go() -> None:
    """The first run's turn; the mails' runs have begun and none of them has moved."""
    with db.reading() as session:
        [run] = session.query(RunRow).filter(RunRow.workflow == "tell_of_stock")
    assert drive(run.id) == "succeeded"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_has_not_agreed_or_not_confirmed_is_not_told(people: People, sam: Person, postman: Postman) -> None:
    silent, unproven = people.join("Silent"), people.join("Unproven")
    unproven.ask("PUT", "/api/users/me/preferences", {"topics": {"back_in_stock": {"email": True}}})
    for person in (silent, unproven):
        assert person.post(PATH, {"sku": "CHAIR"}).json["reachable"] is False
    move(sam, 3)
    work_off()
    assert (postman.mails, listed(silent), listed(unproven)) == ([], ["CHAIR"], ["CHAIR"])
    assert count(RunRow, RunRow.workflow == "send_stock_alert") == 0
    assert wishing(silent, WANTED).get(PATH).json["items"][0]["reachable"] is True


def test_many_are_told_a_page_at_a_time_each_once(
    people: People, sam: Person, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_alerts, "TOGETHER", 2)
    crowd = [waiting(wishing(people.join(f"P{n}"), WANTED)) for n in range(5)]
    move(sam, 1)
    work_off()
    assert postman.told == sorted(one.email for one in crowd)
    assert count(StockAlertRow) == 0


def test_a_mailbox_that_is_none_is_suppressed_and_an_outage_is_waited_for(
    people: People, sam: Person, postman: Postman
) -> None:
    bounce, later = (waiting(wishing(people.join(name), WANTED)) for name in ("Bounce", "Later"))
    move(sam, 1)
    work_off()
    assert postman.told == [later.email]
    assert count(StockAlertRow) == 0
    with db.reading() as session:
        hashed = email_addresses.hashed(bounce.email)
        assert [row.reason for row in suppressions.of(session, hashed)] == [Reason.BOUNCE]


def test_nobody_waits_twice_nor_for_more_than_a_list_holds(
    people: People, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = waiting(people.join("Ada"))
    assert ada.post(PATH, {"sku": "CHAIR"}).status_code == 200
    monkeypatch.setattr(alert_subscriptions, "MOST", 1)
    assert problem(ada.post(PATH, {"sku": "TABLE"})) == (409, "too_many_stock_alerts")
    assert ada.ask("DELETE", f"{PATH}/CHAIR").status_code == 204
    assert problem(ada.ask("DELETE", f"{PATH}/CHAIR")) == (404, "not_found")
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(lambda sku: ada.post(PATH, {"sku": sku}).status_code, ["TABLE", "CHAIR"] * 2))
    assert codes == [200, 201, 409, 409]
    assert count(StockAlertRow) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_not_sold_is_404_and_what_makes_no_sense_422(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join("Ada")
    with db.transaction() as session:
        session.execute(_archive())
    for sku in ("NOTHING", "TABLE"):
        assert problem(ada.post(PATH, {"sku": sku})) == (404, "not_found"), sku
    for wrong in ({}, {"sku": 1}, {"sku": ""}, {"sku": "x" * 65}, {"sku": "CHAIR", "email": "eve@example.com"}):
        assert problem(ada.post(PATH, wrong)) == (422, "validation_failed"), wrong
    assert problem(ask(app, "POST", PATH, {"sku": "CHAIR"})) == (401, "unauthenticated")
    assert count(StockAlertRow) == 0


def _archive() -> Any:
    return update(ProductRow).where(ProductRow.slug == "table").values(status="archived")


def test_it_is_exported_and_goes_with_the_account(people: People, sam: Person, postman: Postman) -> None:
    ada = waiting(wishing(people.join("Ada"), WANTED))
    assert [row["sku"] for row in ada.get("/api/users/me/export").json["stock_alerts"]] == ["CHAIR"]
    move(sam, 1)
    _let_go()
    assert ada.ask("DELETE", "/api/users/me").status_code == 204
    work_off()
    assert (postman.mails, count(StockAlertRow), well()) == ([], 0, [])


def test_the_way_out_of_the_mail_ends_it(app: Flask, people: People, sam: Person, postman: Postman) -> None:
    ada = waiting(waiting(wishing(people.join("Ada"), WANTED)), "TABLE")
    move(sam, 1)
    work_off()
    out = postman.mails[0].headers["List-Unsubscribe"].strip("<>")
    assert app.test_client().post(out[out.index("/api/") :]).status_code == 200
    move(sam, 1, "TABLE")
    work_off()
    assert (len(postman.mails), listed(ada)) == (1, ["TABLE"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_doctor_finds_an_alert_that_nobody_carries(people: People, postman: Postman) -> None:
    waiting(people.join("Ada"))
    with db.transaction() as session:
        [alert] = session.query(StockAlertRow)
        alert.state, id = State.TELLING, alert.id
    assert well() == [f"stock alert {id} is being told, and its run has ended or never begun"]
