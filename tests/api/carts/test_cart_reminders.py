"""Reminders of carts: in their sequence, once each, and none after an order, a change, a no or too many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

import db
import gateways.channels.email
import tasks.campaigns.sending
import tasks.maintenance
from db.functions import in_seconds, transaction_time
from gateways.mail import Mail
from shop.accounts.users import UserRow
from shop.campaigns.cart_reminders import CartReminderRow
from shop.carts.carts import CartRow
from shop.consent import consents
from tests.api.catalogue_data import count, put_on_shelf
from tests.api.clients import People, Person
from tests.api.mailing_list import OFFERS, Postman, work_off

Wishes = dict[tuple[str, str], bool]
NOBODY: Wishes = dict.fromkeys(OFFERS, False)


@pytest.fixture
def postman(app: Flask, sent: list[Mail], monkeypatch: pytest.MonkeyPatch) -> Iterator[Postman]:
    """`sent` takes the other mails: were they to fail, the mail server would be taken to be away."""
    found = Postman()
    monkeypatch.setattr(tasks.campaigns.sending, "mailer", lambda: found)
    monkeypatch.setattr(gateways.channels.email, "mailer", Postman)  # of other mails: all wait if it is away
    put_on_shelf("CHAIR")
    return found


def wishing(person: Person, wishes: Wishes = OFFERS) -> Person:
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == person.id).values(email_verified_at=transaction_time()))
        consents.say(session, person.id, wishes, "test")
    return person


def filled(person: Person, quantity: int = 2) -> None:
    assert person.post("/api/cart/me", {"sku": "CHAIR", "quantity": quantity}).status_code == 200


def hours_pass(hours: float, *, strikes: int = 2) -> None:
    """Carts were left so much longer ago, and the clock strikes, twice as two would."""
    with db.transaction() as session:
        [cart] = session.query(CartRow)
        session.execute(
            update(CartReminderRow)
            .where(CartReminderRow.changed_at == cart.updated_at)
            .values(changed_at=cart.updated_at - timedelta(hours=hours))
        )
        cart.updated_at -= timedelta(hours=hours)
    for _ in range(strikes):
        tasks.maintenance.remind_of_carts()
    work_off()


def test_p11_a_sequence_of_three_each_once(people: People, postman: Postman) -> None:
    ada = wishing(people.join("Ada"))
    filled(ada)
    hours_pass(0.5)
    assert postman.mails == []
    for number, hours in enumerate((0.6, 1, 23, 48, 24), 1):
        hours_pass(hours)
        assert len(postman.mails) == (1, 1, 2, 3, 3)[number - 1]
    mail = postman.mails[0]
    assert (mail.to, mail.subject) == (ada.email, "Your cart is waiting")
    assert "2 x Chair" in mail.text
    token = mail.headers["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert f"http://127.0.0.1:8000/account/unsubscribe#token={token}" in mail.text.split()


def test_a_clock_that_slept_sends_only_the_newest(people: People, postman: Postman) -> None:
    filled(wishing(people.join("Ada")))
    hours_pass(73)
    hours_pass(1)
    assert len(postman.mails) == 1
    hours_pass(1000)
    assert len(postman.mails) == 1


@pytest.mark.parametrize("wishes", [NOBODY, {}])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_has_not_asked_for_it_hears_nothing(people: People, postman: Postman, wishes: Wishes) -> None:
    filled(wishing(people.join("Ada"), wishes))
    hours_pass(2)
    assert (postman.mails, count(CartReminderRow)) == ([], 0)


def _take_out(ada: Person) -> None:
    assert ada.ask("DELETE", "/api/cart/me/items/CHAIR").status_code == 200


def _say_no(ada: Person) -> None:
    wishing(ada, NOBODY)


@pytest.mark.parametrize("change", [_take_out, _say_no, filled])
def test_what_happens_after_it_was_noted_and_before_it_is_sent_wins(
    people: People, postman: Postman, change: object
) -> None:
    ada = wishing(people.join("Ada"))
    filled(ada, 1)
    with db.transaction() as session:
        session.execute(update(CartRow).values(updated_at=in_seconds(-7200)))
    tasks.maintenance.remind_of_carts()
    assert count(CartReminderRow, CartReminderRow.state == "waiting") == 1
    change(ada)  # type: ignore[operator]
    work_off()
    assert postman.mails == []
    assert count(CartReminderRow, CartReminderRow.state == "skipped") == 1


def test_a_change_begins_anew_and_the_month_has_its_limit(people: People, postman: Postman) -> None:
    ada = wishing(people.join("Ada"))
    for number in range(5):
        filled(ada, 1)
        hours_pass(2)
        assert len(postman.mails) == min(number + 1, 3)
