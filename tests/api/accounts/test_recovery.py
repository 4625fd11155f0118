"""Links in mails: they reach the right mailbox, work once, and tell a stranger nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update

import db
import gateways.channels.email
from db.functions import read_clock
from engine import jobs, remote
from engine.outcomes import Refused
from engine.tables import JournalRow, RunRow
from gateways.mail import Mail
from shop.accounts import signed_links, users
from shop.accounts.signed_links import Kind
from shop.notifications.outbox import NotificationRow
from tasks import accounts
from tests.api.clients import PASSWORD, People, Person, post, problem
from tests.fixtures import Configure

RESET, CONFIRM, VERIFY = "/api/auth/password-reset", "/api/auth/password-reset/confirm", "/api/auth/verify-email"
NEW = "a brand new password"


@dataclass
class Postman:
    """Does the work of the mail worker, and keeps what it would have sent."""

    sent: list[Mail] = field(default_factory=list)
    refuses: bool = False

    def send(self, mail: Mail) -> None:
        if self.refuses:
            raise Refused("mail_refused", "550 no such mailbox")
        self.sent.append(mail)

    def deliver(self, kind: Kind | None = None) -> list[Mail]:
        """Everything that was asked for and not yet sent; of one kind if it is named."""
        before = len(self.sent)
        remote.work(accounts.send_mail, waiting())
        new = self.sent[before:]
        return [mail for mail in new if kind is None or account_path(kind) in mail.text]


def account_path(kind: Kind) -> str:
    return {Kind.VERIFY_EMAIL: "/account/verify-email", Kind.PASSWORD_RESET: "/account/reset-password"}[kind]


def waiting() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(RunRow.id).where(RunRow.state == "queued").order_by(RunRow.id)))


def noted() -> list[NotificationRow]:
    with db.reading() as session:
        return list(session.scalars(select(NotificationRow).order_by(NotificationRow.id)))


def token_in(mail: Mail) -> str:
    found = re.search(r"#token=(\S+)", mail.text)
    assert found
    return found[1]


@pytest.fixture
def postman(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Postman:
    postman = Postman()
    monkeypatch.setattr(gateways.channels.email, "mailer", lambda: postman)
    return postman


def asked(app: Flask, email: str, **headers: str) -> Any:
    return post(app, RESET, {"email": email}, **headers)


def reset_token(app: Flask, postman: Postman, person: Person) -> str:
    asked(app, person.email)
    (mail,) = postman.deliver(Kind.PASSWORD_RESET)
    return token_in(mail)


def confirmed(app: Flask, token: str, password: str = NEW) -> Any:
    return post(app, CONFIRM, {"token": token, "new_password": password})


def login(app: Flask, person: Person, password: str) -> int:
    return post(app, "/api/auth/login", {"email": person.email, "password": password}).status_code


# --- the mail -------------------------------------------------------------------------------------


def test_who_registers_is_asked_to_confirm_the_address(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join("Ada")
    (mail,) = postman.deliver()
    assert mail.to == ada.email
    assert mail.subject == "Please confirm your e-mail address"
    assert mail.message_id.endswith("@example.com>")
    assert ada.post(VERIFY, {"token": token_in(mail)}).status_code == 204
    assert ada.get("/api/users/me").json["email_verified"]


def test_p10_a_restored_shop_that_does_not_know_it_has_told_tells_it_with_the_same_message_id(
    people: People, postman: Postman
) -> None:
    people.join()
    ids = waiting()
    remote.work(accounts.send_mail, ids)
    with db.transaction() as session:  # as in a backup of the moment before
        session.execute(text("DELETE FROM notifications"))
        session.execute(text("UPDATE runs SET state = 'queued', hold = 'none', step = 0, task = 'accounts.send_mail'"))
        session.execute(text("DELETE FROM journal"))
    remote.work(accounts.send_mail, ids)
    first, second = postman.sent
    assert first.message_id == second.message_id
    people.join()
    remote.work(accounts.send_mail, waiting())
    assert postman.sent[-1].message_id != first.message_id


def test_p10_a_task_delivered_thrice_is_one_mail(people: People, postman: Postman) -> None:
    people.join()
    ids = waiting()
    for _ in range(3):
        remote.work(accounts.send_mail, ids)
    [row] = noted()
    [mail] = postman.sent
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", mail.message_id)
    assert (row.kind, row.state, row.attempts) == ("verify_email", "sent", 1)


def test_a_mailbox_that_takes_no_mail_is_the_end_of_it(people: People, postman: Postman) -> None:
    people.join()
    postman.refuses = True
    (id,) = waiting()
    remote.work(accounts.send_mail, [id])
    with db.reading() as session:
        job = jobs.get(session, id)
    assert job is not None
    assert (job.status, job.result and job.result["delivered"]) == ("succeeded", False)
    assert [(row.state, row.detail) for row in noted()] == [("refused", "550 no such mailbox")]


def test_the_link_starts_with_our_own_address_whatever_host_was_named(
    app: Flask, people: People, postman: Postman, configure: Configure
) -> None:
    ada = people.join()
    configure(PUBLIC_URL="https://shop.example")
    postman.deliver()
    asked(app, ada.email, **{"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    (mail,) = postman.deliver()
    assert "https://shop.example/account/reset-password#token=" in mail.text
    assert "evil" not in mail.text + str(mail.html)


def test_a_name_cannot_put_markup_into_a_mail(app: Flask, postman: Postman) -> None:
    """One from before names were looked at."""
    made = post(app, "/api/users", {"email": "x@example.com", "password": PASSWORD, "name": "Eve"})
    with db.transaction() as session:
        users.rename(session, made.json["id"], '<a href="http://evil">{{7*7}}</a>')
    (mail,) = postman.deliver()
    assert '<a href="http://evil' not in str(mail.html)
    assert "&lt;a href=&#34;http[:]//evil&#34;&gt;{{7*7}}" in str(mail.html)


def test_no_table_and_no_log_ever_holds_a_link(app: Flask, people: People, postman: Postman, logged: StringIO) -> None:
    token = reset_token(app, postman, people.join())
    with db.reading() as session:
        rows = [vars(row) for table in (RunRow, JournalRow, NotificationRow) for row in session.scalars(select(table))]
    assert token not in repr(rows)
    assert "recovery.request_password_reset" in logged.getvalue()
    assert token not in logged.getvalue()
    assert token not in repr(postman.sent)


# --- a lost password ------------------------------------------------------------------------------


def test_a_reset_sets_the_password_and_ends_every_session(app: Flask, people: People, postman: Postman) -> None:
    ada, other = people.join("Ada"), people.join("Bob")
    assert confirmed(app, reset_token(app, postman, ada)).status_code == 204
    assert login(app, ada, PASSWORD) == 401
    assert login(app, ada, NEW) == 200
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")
    assert post(app, "/api/auth/refresh", {"refresh_token": ada.refresh}).status_code == 401
    assert other.get("/api/users/me").status_code == 200


def test_a_reset_link_works_once(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    first = reset_token(app, postman, ada)
    second = reset_token(app, postman, ada)
    assert confirmed(app, first).status_code == 204
    for token in (first, second):
        assert problem(confirmed(app, token, "yet another password")) == (422, "invalid_link")
    assert login(app, ada, NEW) == 200


def test_a_reset_link_dies_with_the_address_it_was_sent_to(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    token = reset_token(app, postman, ada)
    ada.ask("PATCH", "/api/users/me", {"email": "new@example.com", "current_password": PASSWORD})
    assert problem(confirmed(app, token)) == (422, "invalid_link")


def test_an_old_reset_link_is_dead(app: Flask, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = people.join()
    with db.transaction() as session, monkeypatch.context() as then:
        then.setattr(signed_links, "read_clock", lambda session: read_clock(session) - timedelta(seconds=3601))
        token = signed_links.token(session, users.get(session, ada.id), Kind.PASSWORD_RESET)
    assert problem(confirmed(app, token)) == (422, "invalid_link")
    assert login(app, ada, PASSWORD) == 200


@pytest.mark.parametrize("forged", ["x", "a.b", "WyJhIl0.xxx", "é", "\u0660", "x" * 500])
def test_a_forged_link_opens_nothing(app: Flask, people: People, forged: str) -> None:
    ada = people.join()
    for path, body in ((CONFIRM, {"token": forged, "new_password": NEW}), (VERIFY, {"token": forged})):
        assert problem(post(app, path, body)) == (422, "invalid_link")
    assert login(app, ada, NEW) == 401


def test_a_link_of_one_kind_is_none_of_the_other(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    (verify,) = postman.deliver()
    assert problem(confirmed(app, token_in(verify))) == (422, "invalid_link")
    reset = reset_token(app, postman, ada)
    assert problem(post(app, VERIFY, {"token": reset})) == (422, "invalid_link")
    assert not ada.get("/api/users/me").json["email_verified"]


def test_an_unknown_address_gets_the_same_answer_after_the_same_work(
    app: Flask, people: People, postman: Postman
) -> None:
    ada = people.join()
    postman.deliver()
    known, unknown = asked(app, ada.email), asked(app, "nobody@example.com")
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data) == (202, b'{"status":"accepted"}\n')
    assert "Location" not in known.headers
    assert len(waiting()) == 2  # a run for each
    assert [mail.to for mail in postman.deliver()] == [ada.email]
    assert waiting() == []


def test_who_has_left_gets_no_mail(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    postman.deliver()
    asked(app, ada.email)
    ada.ask("DELETE", "/api/users/me")
    assert postman.deliver() == []


# --- an unproven address --------------------------------------------------------------------------


def test_a_verification_works_once_and_only_for_its_address(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    (mail,) = postman.deliver()
    ada.ask("PATCH", "/api/users/me", {"email": "new@example.com", "current_password": PASSWORD})
    assert problem(post(app, VERIFY, {"token": token_in(mail)})) == (422, "invalid_link")
    (newer,) = postman.deliver()
    assert newer.to == "new@example.com"
    assert ada.post(VERIFY, {"token": token_in(newer)}).status_code == 204
    assert problem(ada.post(VERIFY, {"token": token_in(newer)})) == (422, "invalid_link")
    assert ada.get("/api/users/me").json["email_verified"]


def test_confirming_needs_the_session_or_the_password_of_the_account(
    app: Flask, people: People, postman: Postman
) -> None:
    eve = people.join("Eve", password="a password of Eve")
    (mail,) = postman.deliver()
    assert "password of the account" in mail.text
    bob, token = people.join("Bob"), {"token": token_in(mail)}
    assert problem(post(app, VERIFY, token)) == (401, "unauthenticated"), "whoever reads the mail and presses"
    assert problem(bob.post(VERIFY, token)) == (401, "unauthenticated")
    assert problem(post(app, VERIFY, token | {"password": PASSWORD})) == (403, "wrong_password")
    assert problem(bob.post(VERIFY, token | {"password": PASSWORD})) == (403, "wrong_password")
    assert not eve.get("/api/users/me").json["email_verified"]
    assert post(app, VERIFY, token | {"password": "a password of Eve"}).status_code == 204
    assert eve.get("/api/users/me").json["email_verified"]


def test_the_mail_can_be_had_again_until_the_address_is_proven(app: Flask, people: People, postman: Postman) -> None:
    ada = people.join()
    assert ada.post(VERIFY, {}).status_code == 202
    _, second = postman.deliver()
    assert ada.post(VERIFY, {"token": token_in(second), "password": PASSWORD}).status_code == 204
    assert ada.post(VERIFY, {}).status_code == 202
    assert postman.deliver() == []
    assert problem(post(app, VERIFY, {})) == (401, "unauthenticated")


def test_mail_that_nobody_could_deliver_in_time_is_given_up(people: People, postman: Postman) -> None:
    people.join()
    (id,) = waiting()
    with db.transaction() as session:
        session.execute(update(RunRow).where(RunRow.id == id).values(deadline_at=RunRow.created_at))
    remote.work(accounts.send_mail, [id])
    assert postman.sent == []


@pytest.mark.parametrize("kind", list(Kind))
def test_the_link_leads_to_a_page_that_runs_nothing_but_our_own_script(app: Flask, kind: Kind) -> None:
    client = app.test_client()
    page = client.get(account_path(kind))
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(path).status_code == 200
    (api,) = re.findall(r'data-path="([^"]+)"', page.text)
    assert post(app, api, {"token": "x", "new_password": NEW} if "reset" in api else {"token": "x"}).status_code == 422
    assert problem(client.get("/account/..%2faccount_pages.py")) == (404, "not_found")
