"""A stranger can have a few mails sent to somebody else's address, in no words of their own, by whatever door."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

import db
from api.http.rate_limits import limiter
from gateways.mail import Mail
from shop.accounts import users
from shop.consent import mail_limits
from shop.consent.mail_limits import MailCountRow
from shop.notifications.outbox import NotificationRow
from tests.api.bank import Bank
from tests.api.catalogue_data import ADDRESS, count, guests_cart, guests_order, put_on_shelf, shipped
from tests.api.clients import PASSWORD, People, Person, ask, post, problem
from tests.api.inline_worker import drive
from tests.api.mailing_list import work_off
from tests.fixtures import Configure

VICTIM = "victim@example.com"
MOST = 5
TRANSFER = {"payment": {"method": "bank_transfer"}}


@pytest.fixture
def few(app: Flask, configure: Configure, monkeypatch: pytest.MonkeyPatch, sent: list[Mail]) -> list[Mail]:
    """MAIL_LIMIT as it is by default; the doors themselves count nothing here."""
    configure(MAIL_LIMIT=f"{MOST} per hour")
    monkeypatch.setattr(limiter, "enabled", False)
    put_on_shelf(on_hand=100)
    return sent


def to_victim(mails: list[Mail]) -> int:
    work_off()
    return len([mail for mail in mails if mail.to == VICTIM])


def limited(staff: Person) -> list[str]:
    items = staff.get(f"/api/notifications?recipient={VICTIM}&status=limited&limit=100").json["items"]
    return [item["event"] for item in items]


def test_an_address_changed_to_and_fro_gets_no_more_than_the_limit(
    people: People, sam: Person, few: list[Mail]
) -> None:
    eve = people.join("Eve")
    work_off()
    for number in range(15):
        for email in (VICTIM, f"eve{number}@example.com"):
            answer = eve.ask("PATCH", "/api/users/me", {"email": email, "current_password": PASSWORD})
            assert (answer.status_code, answer.json["email"]) == (200, email), "the command is answered as ever"
            work_off()
    assert to_victim(few) == MOST
    assert limited(sam) == ["verify_email"] * 10


def test_register_and_delete_gets_no_more_either_though_the_account_is_forgotten(app: Flask, few: list[Mail]) -> None:
    for _ in range(10):
        made = post(app, "/api/users", {"email": VICTIM, "password": PASSWORD, "name": "Eve"})
        assert made.status_code == 201
        work_off()
        gone = Person(app, made.json["id"], VICTIM).sign_in().ask("DELETE", "/api/users/me")
        assert gone.status_code == 204
    assert to_victim(few) == MOST
    with db.reading() as session:
        assert [row.mailbox for row in session.scalars(select(MailCountRow)) if VICTIM in row.mailbox] == []


def test_guests_orders_by_transfer_or_for_nothing_neither(app: Flask, sam: Person, bank: Bank, few: list[Mail]) -> None:
    for _ in range(15):
        answer = guests_order(app, guests_cart(app), email=VICTIM, **TRANSFER)
        assert answer.status_code == 202
        drive(answer.json["job"]["id"])
    assert to_victim(few) == MOST
    assert limited(sam) == ["payment_action"] * 10


def test_all_doors_share_one_counter_and_spellings_are_one(app: Flask, few: list[Mail], bank: Bank) -> None:
    spellings = [VICTIM, "VICTIM@Example.com", "victim+1@example.com", "victim+2@example.com"]
    for email in spellings:
        assert guests_order(app, guests_cart(app), email=email, **TRANSFER).status_code == 202
    assert post(app, "/api/users", {"email": VICTIM, "password": PASSWORD, "name": "Eve"}).status_code == 201
    for _ in range(4):
        assert post(app, "/api/auth/password-reset", {"email": VICTIM}).json == {"status": "accepted"}
    work_off()
    assert len([mail for mail in few if mail.to.startswith("victim")]) == MOST


def test_what_was_paid_for_is_told_however_many_there_were(
    app: Flask, sam: Person, bank: Bank, few: list[Mail]
) -> None:
    exhausted = MOST + 3
    for _ in range(exhausted):
        guests_order(app, guests_cart(app), email=VICTIM, **TRANSFER)
    assert to_victim(few) == MOST
    for _ in range(exhausted):
        paid = guests_order(app, guests_cart(app), email=VICTIM).json
        assert drive(paid["job"]["id"]) == "succeeded"
    assert len([mail for mail in few if "confirmed" in mail.subject]) == exhausted
    assert sam.post("/api/notifications", {"email": VICTIM, "subject": "About it", "text": "Hi"}).status_code == 202
    assert to_victim(few) == MOST + exhausted + 1, "and staff can write"


def test_a_mail_is_counted_once_however_often_it_is_tried(app: Flask, few: list[Mail]) -> None:
    assert post(app, "/api/users", {"email": VICTIM, "password": PASSWORD, "name": "Eve"}).status_code == 201
    work_off()
    with db.reading() as session:
        assert [row.sent for row in session.scalars(select(MailCountRow))] == [1]


def test_windows_that_are_over_are_forgotten_and_begin_anew(app: Flask, few: list[Mail], configure: Configure) -> None:
    configure(MAIL_LIMIT="1 per second")
    with db.transaction() as session:
        assert [mail_limits.allows(session, VICTIM) for _ in range(3)] == [True, False, False]
        row = session.scalars(select(MailCountRow)).one()
        row.began_at = row.began_at.replace(year=2020)
        session.flush()
        assert mail_limits.allows(session, VICTIM)
        session.refresh(row)
        row.began_at = row.began_at.replace(year=2020)
        session.flush()
        assert mail_limits.prune(session) == 1
    assert count(MailCountRow) == 0


# --- in whose words -----------------------------------------------------------------------------------------

WON = "You won http://evil.example"


@pytest.mark.parametrize("name", [WON, "EVIL.COM", "<b>Ada</b>", "a\u202eb", "{{ 7*7 }}", "ada@evil.example"])
def test_a_name_that_is_a_message_is_refused_at_every_door(app: Flask, ada: Person, few: list[Mail], name: str) -> None:
    before = (count(NotificationRow), len(few))
    answers = [
        post(app, "/api/users", {"email": VICTIM, "password": PASSWORD, "name": name}),
        ada.ask("PATCH", "/api/users/me", {"name": name}),
        ada.post("/api/users/me/addresses", ADDRESS | {"name": name}),
        guests_order(app, guests_cart(app), email=VICTIM, shipping_address=ADDRESS | {"name": name}, **TRANSFER),
    ]
    assert [problem(answer) for answer in answers] == [(422, "validation_failed")] * 4
    assert [next(iter(answer.json["errors"])) for answer in answers] == ["name"] * 3 + ["shipping_address.name"]
    assert (count(NotificationRow), len(few)) == before


@pytest.mark.parametrize("name", ["St. John", "O'Brien", "Dr. A. Müller", "3M Co.KG", "王小明", "محمد بن سلمان"])
def test_names_of_people_and_firms_pass_at_every_door(app: Flask, ada: Person, name: str, few: list[Mail]) -> None:
    made = post(app, "/api/users", {"email": VICTIM, "password": PASSWORD, "name": name})
    assert (made.status_code, made.json["name"]) == (201, name)
    assert ada.ask("PATCH", "/api/users/me", {"name": name}).json["name"] == name
    assert ada.post("/api/users/me/addresses", ADDRESS | {"name": name}).json["name"] == name


def test_a_name_from_before_is_defanged_in_a_mail(ada: Person, few: list[Mail]) -> None:
    with db.transaction() as session:
        users.rename(session, ada.id, WON)
    few.clear()
    assert ask(ada.app, "POST", "/api/auth/password-reset", {"email": ada.email}).status_code == 202
    work_off()
    [mail] = [mail for mail in few if "password" in mail.subject.lower()]
    assert "evil.example" not in mail.text + (mail.html or "")
    assert "You won http[:]//evil[.]example" in mail.text


def test_wishes_to_return_what_was_not_paid_for_neither(
    app: Flask, sam: Person, sent: list[Mail], configure: Configure
) -> None:
    put_on_shelf("CHAIR", on_hand=9)
    configure(MAIL_LIMIT="3 per hour")
    cash = {"payment": {"method": "cash_on_delivery"}}
    told = guests_order(app, guests_cart(app, quantity=5), email="victim@example.com", **cash).json
    assert drive(told["job"]["id"]) == "succeeded"
    shipped(sam, told["order"]["id"])
    where, shown = f"/api/orders/{told['order']['id']}/returns", {"X-Order-Token": told["order_token"]}
    for _ in range(5):
        asked = post(app, where, {"lines": [{"sku": "CHAIR", "quantity": 1}], "reason": "x"}, **shown)
        assert drive(asked.json["job"]["id"]) == "succeeded"
    assert [mail.to for mail in sent] == ["victim@example.com"] * 3
