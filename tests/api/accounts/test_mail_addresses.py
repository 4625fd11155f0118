"""One mailbox is one mailbox, however its address is spelled, at every door."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
import gateways.channels.email
from deploy import admin
from doctor.notifications import spelled_once
from gateways.mail import Mail
from gateways.mail.smtp import SmtpMailer
from shop.accounts.users import UserRow
from tests.api.bank import Bank
from tests.api.catalogue_data import count, guests_cart, guests_order, put_on_shelf
from tests.api.clients import PASSWORD, People, Person, post, problem
from tests.api.inline_worker import drive
from tests.api.mailing_list import work_off
from tests.sandboxes import Sink

KEPT, SHOWN = "josé@xn--mnchen-3ya.de", "josé@münchen.de"
SPELLINGS = [
    SHOWN,
    unicodedata.normalize("NFD", SHOWN),
    " JOSÉ@MÜNCHEN.DE ",
    "josé@xn--mnchen-3ya.de",
    "JOSÉ@XN--MNCHEN-3YA.DE",
    "josé\uff20münchen\u3002de",
]
REFUSED = ["a@☃.net", "a@xn--a.com", "a@aא1.com", "a\u200b@example.com", "a@example", "a@[127.0.0.1]", "a@exa_mple.com"]


def register(app: Flask, email: str) -> Any:
    return post(app, "/api/users", {"email": email, "password": PASSWORD, "name": "José"})


@pytest.mark.parametrize("email", SPELLINGS)
def test_whoever_registers_in_one_spelling_signs_in_with_all(app: Flask, email: str) -> None:
    made = register(app, email)
    assert (made.status_code, made.json["email"]) == (201, SHOWN)
    with db.reading() as session:
        assert session.get(UserRow, made.json["id"]).email == KEPT
    for other in SPELLINGS:
        assert post(app, "/api/auth/login", {"email": other, "password": PASSWORD}).status_code == 200, other
        assert problem(register(app, other)) == (409, "email_taken"), other
    assert count(UserRow) == 1


@pytest.mark.parametrize("email", SPELLINGS)
def test_every_other_door_knows_the_mailbox_too(
    app: Flask, people: People, sam: Person, bank: Bank, sent: list[Mail], email: str
) -> None:
    put_on_shelf()
    made = guests_order(app, guests_cart(app), email=email).json
    assert made["order"]["email"] == SHOWN
    assert drive(made["job"]["id"]) == "succeeded"
    assert [mail.to for mail in sent] == [KEPT]
    number = made["order"]["number"]
    assert post(app, "/api/orders/lookup", {"number": number, "email": SHOWN}).status_code == 202
    for wanted in ({"email": email}, {"q": email}):
        assert [row["number"] for row in asked(sam, "/api/orders", **wanted)] == [number]
    [told] = asked(sam, "/api/notifications", recipient=email)
    assert told["recipient"] == SHOWN
    ada = people.join("Ada")
    changed = ada.ask("PATCH", "/api/users/me", {"email": email, "current_password": PASSWORD})
    assert changed.json["email"] == SHOWN
    assert sam.post("/api/suppressions", {"email": email}).status_code == 201
    assert [row["reason"] for row in asked(sam, "/api/suppressions", email=SHOWN)] == ["staff"]
    assert sam.post("/api/notifications", {"email": email, "subject": "x", "text": "y"}).status_code == 202
    sent.clear()
    assert post(app, "/api/auth/password-reset", {"email": email}).status_code == 202
    work_off()
    theirs = [mail for mail in sent if mail.to == KEPT]
    assert len(theirs) == 5, "the link, two to confirm it, the staff's words, the password"
    assert {mail.to for mail in sent} == {KEPT, sam.email}
    assert admin.main([email]) == 0


def asked(staff: Person, path: str, **query: str) -> list[dict[str, Any]]:
    answer = staff.app.test_client().get(path, query_string=query, headers=staff.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


@pytest.mark.parametrize("email", REFUSED)
def test_what_is_no_address_is_422_at_every_door(app: Flask, sam: Person, email: str) -> None:
    put_on_shelf()
    before = count(UserRow)
    cart = guests_cart(app)
    answers = [
        register(app, email),
        guests_order(app, cart, email=email),
        sam.ask("PATCH", "/api/users/me", {"email": email, "current_password": PASSWORD}),
        sam.post("/api/suppressions", {"email": email}),
        sam.post("/api/notifications", {"email": email, "subject": "x", "text": "y"}),
        post(app, "/api/orders/lookup", {"number": "X", "email": email}),
    ]
    assert [problem(answer) for answer in answers] == [(422, "validation_failed")] * len(answers)
    assert [list(answer.json["errors"]) for answer in answers] == [["email"]] * len(answers)
    assert post(app, "/api/auth/login", {"email": email, "password": PASSWORD}).status_code == 401
    assert count(UserRow) == before


def test_a_server_without_smtputf8_suppresses_nobody(
    app: Flask, sam: Person, bank: Bank, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer = SmtpMailer(sink.smtp_url, "Orderwave <shop@example.com>")
    monkeypatch.setattr(gateways.channels.email, "mailer", lambda: mailer)
    put_on_shelf()
    sink.speak_utf8(False)
    for email in ("info@münchen.de", "josé@example.com"):
        assert drive(guests_order(app, guests_cart(app), email=email).json["job"]["id"]) == "succeeded"
    sink.speak_utf8(True)
    mailer.close()
    told = {row["recipient"]: row for row in asked(sam, "/api/notifications", event="order_confirmed")}
    assert [mail["to"] for mail in sink.messages("info@xn--mnchen-3ya.de")] == [["info@xn--mnchen-3ya.de"]]
    assert (told["info@münchen.de"]["status"], told["josé@example.com"]["status"]) == ("sent", "refused")
    assert "SMTPUTF8" in told["josé@example.com"]["detail"]
    assert asked(sam, "/api/suppressions") == []


def test_an_account_from_before_signs_in_with_the_spelling_it_has(app: Flask) -> None:
    """Two had registered one mailbox in two spellings: the migration leaves the second as it was."""
    old, new = register(app, "old@example.com").json["id"], register(app, SHOWN).json["id"]
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == old).values(email=SHOWN))
    found = {spelling: whose(app, spelling) for spelling in (SHOWN, KEPT)}
    assert found == {SHOWN: old, KEPT: new}
    with db.reading() as session:
        assert list(spelled_once(session)) == [f"account {old} has its address in a spelling from before"]


def test_an_account_that_alone_has_the_spelling_from_before_signs_in_with_all(app: Flask) -> None:
    old = register(app, "old@example.com").json["id"]
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == old).values(email=SHOWN))
    assert {whose(app, spelling) for spelling in SPELLINGS} == {old}


def whose(app: Flask, email: str) -> str:
    opened = post(app, "/api/auth/login", {"email": email, "password": PASSWORD}).json
    answer = app.test_client().get("/api/users/me", headers={"Authorization": f"Bearer {opened['access_token']}"})
    id: str = answer.json["id"]
    return id
