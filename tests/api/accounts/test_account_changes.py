"""Whoever has an account is told when its password or address changes: it may not have been them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

import db
from db.functions import transaction_time
from gateways.mail import Mail
from shop.accounts.users import UserRow
from tests.api.clients import PASSWORD, People, Person, post, problem
from tests.api.mailing_list import work_off

CHANGED, MOVED, ENDED = "Your password was changed", "Your e-mail address was changed", "One of your sessions was ended"


@pytest.fixture
def ada(people: People, sent: list[Mail]) -> Person:
    """Her address is confirmed."""
    made = people.join("Ada")
    work_off()
    with db.transaction() as session:
        session.execute(update(UserRow).where(UserRow.id == made.id).values(email_verified_at=transaction_time()))
    sent.clear()
    return made


def told(sent: list[Mail]) -> list[tuple[str, str]]:
    work_off()
    return sorted((mail.to, mail.subject) for mail in sent)


def change_password(person: Person, current: str = PASSWORD) -> Any:
    return person.post("/api/auth/password", {"current_password": current, "new_password": "another long one"})


def test_a_changed_password_is_told(ada: Person, sent: list[Mail]) -> None:
    assert problem(change_password(ada, "wrong"))[0] == 401
    assert told(sent) == []
    assert change_password(ada).status_code == 200
    assert told(sent) == [(ada.email, CHANGED)]
    assert "If that was not you" in sent[0].text


def test_a_changed_address_is_told_at_the_old_one(ada: Person, sent: list[Mail]) -> None:
    body = {"email": "new@example.com", "current_password": PASSWORD}
    assert ada.ask("PATCH", "/api/users/me", body).status_code == 200
    assert told(sent) == [(ada.email, MOVED), ("new@example.com", "Please confirm your e-mail address")]
    assert ada.ask("PATCH", "/api/users/me", body).status_code == 200
    assert len(told(sent)) == 2, "the same address is no change"


def test_an_address_that_was_never_confirmed_is_told_nothing(people: People, sent: list[Mail]) -> None:
    eve = people.join("Eve")
    for email in ("victim@example.com", "eve@example.com"):
        eve.ask("PATCH", "/api/users/me", {"email": email, "current_password": PASSWORD})
    assert change_password(eve).status_code == 200
    assert {subject for _, subject in told(sent)} == {"Please confirm your e-mail address"}


def test_a_refresh_token_that_came_back_is_told_once(app: Flask, ada: Person, sent: list[Mail]) -> None:
    stolen = ada.refresh
    for _ in range(2):
        ada.holding(post(app, "/api/auth/refresh", {"refresh_token": ada.refresh}))
    for _ in range(3):
        assert post(app, "/api/auth/refresh", {"refresh_token": stolen}).status_code == 401
    assert told(sent) == [(ada.email, ENDED)]
