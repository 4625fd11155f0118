"""Signing in, staying in, getting out. I13: what was revoked opens nothing."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

import db
from db.functions import in_seconds
from shop.accounts import passwords
from shop.accounts.sessions import GRACE_SECONDS, SessionFamilyRow, prune_sessions
from tests.api.clients import PASSWORD, People, Person, ask, post, problem

LOGIN, REFRESH = "/api/auth/login", "/api/auth/refresh"
NEW = "a brand new password"


def login(app: Flask, email: str, password: str) -> Any:
    return post(app, LOGIN, {"email": email, "password": password})


def refreshed(app: Flask, token: str) -> Any:
    return post(app, REFRESH, {"refresh_token": token})


def families() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(SessionFamilyRow)) or 0


def long_after_the_grace() -> None:
    with db.transaction() as session:
        session.execute(update(SessionFamilyRow).values(rotated_at=in_seconds(-GRACE_SECONDS - 1)))


def test_login_gives_a_token_of_each_kind(app: Flask, people: People) -> None:
    ada = people.join()
    answer = login(app, f"  {ada.email.upper()} ", PASSWORD)
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_unknown_account_and_a_wrong_password_look_the_same(app: Flask, people: People) -> None:
    ada = people.join()
    before = families()
    wrong, unknown = login(app, ada.email, "a guess"), login(app, "nobody@example.com", "a guess")
    for answer in (wrong, unknown):
        assert problem(answer) == (401, "invalid_credentials")
        answer.json.pop("request_id")
    assert {k: v for k, v in wrong.json.items() if k != "request_id"} == {
        k: v for k, v in unknown.json.items() if k != "request_id"
    }
    assert families() == before


def test_an_unknown_account_costs_as_much_time(app: Flask, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = people.join()
    checked = []
    real = passwords.bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed[:7])
        return bool(real(password, hashed))

    monkeypatch.setattr(passwords.bcrypt, "checkpw", counting)
    for email in (ada.email, "nobody@example.com", "no address at all", "x" * 320, "' OR 1=1 --"):
        assert login(app, email, "a guess").status_code == 401
    assert checked == [b"$2b$04$"] * 5


@pytest.mark.parametrize("password", ["x" * 73, "x" * 72 + "y", "🎉" * 64, "pässwörter", " spaces around ", "x" * 1024])
def test_a_password_counts_to_its_last_letter(app: Flask, people: People, password: str) -> None:
    ada = people.join(password=password)
    for other in (password[:-1], password + "x", "x" * 72):
        assert login(app, ada.email, other).status_code in (401, 422)
    assert login(app, ada.email, password).status_code == 200


def test_a_password_with_nul_is_refused_everywhere(app: Flask, people: People) -> None:
    ada = people.join()
    bad = PASSWORD + "\0"
    assert problem(login(app, ada.email, bad)) == (422, "validation_failed")
    body = {"current_password": PASSWORD, "new_password": bad}
    assert problem(ada.post("/api/auth/password", body)) == (422, "validation_failed")
    assert login(app, ada.email, PASSWORD).status_code == 200


def test_a_refresh_token_is_followed_by_another(app: Flask, people: People) -> None:
    ada = people.join()
    answer = refreshed(app, ada.refresh)
    assert answer.status_code == 200
    assert answer.json["refresh_token"] != ada.refresh
    assert Person(app, ada.id, ada.email, access=answer.json["access_token"]).get("/api/users/me").status_code == 200


def test_who_lost_the_answer_gets_the_same_successor(app: Flask, people: People) -> None:
    ada = people.join()
    first, second = refreshed(app, ada.refresh), refreshed(app, ada.refresh)
    assert first.json["refresh_token"] == second.json["refresh_token"]
    assert refreshed(app, second.json["refresh_token"]).status_code == 200


def test_two_tabs_at_once_both_stay_in(app: Flask, people: People) -> None:
    ada = people.join()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refreshed(app, ada.refresh), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1


def test_a_stolen_refresh_token_ends_the_session_for_both(app: Flask, people: People) -> None:
    ada = people.join()
    other = ada.twin()
    stolen = ada.refresh
    ada.holding(refreshed(app, ada.refresh))
    long_after_the_grace()
    assert problem(refreshed(app, stolen)) == (401, "session_revoked")
    assert problem(refreshed(app, ada.refresh)) == (401, "unauthenticated")
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")
    assert other.get("/api/users/me").status_code == 200


def test_a_token_two_generations_old_ends_the_session_even_at_once(app: Flask, people: People) -> None:
    ada = people.join()
    stolen = ada.refresh
    for _ in range(2):
        ada.holding(refreshed(app, ada.refresh))
    assert problem(refreshed(app, stolen)) == (401, "session_revoked")
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")


def test_nobody_ends_a_session_with_a_token_that_never_was(app: Flask, people: People) -> None:
    """A family's id is no secret (it stands in every access token): knowing it must not be enough."""
    ada = people.join()
    family, generation, mac = ada.refresh.split(".")
    forged = [f"{family}.{generation}.{'A' * len(mac)}", f"{family}.1.{mac}", f"{family}.-1.{mac}", f"{family}.99.x",
              f"{family}..", "x", "..", ada.access, f"{family}.{'9' * 100}.{mac}", f"{family}.\u0660.{mac}",
              f"{family.upper()}.{generation}.{mac}", f"{family}.00.{mac}"]  # fmt: skip
    for token in forged:
        assert refreshed(app, token).status_code in (401, 422), token
    assert ada.get("/api/users/me").status_code == 200
    assert refreshed(app, ada.refresh).status_code == 200


def test_the_database_does_not_hold_what_signs_in(app: Flask, people: People) -> None:
    ada = people.join()
    with db.reading() as session:
        row = session.scalars(select(SessionFamilyRow)).one()
    stored = " ".join(str(value) for value in vars(row).values())
    assert ada.refresh.split(".")[2] not in stored


def test_logout_ends_this_session_at_once_and_no_other(app: Flask, people: People) -> None:
    ada = people.join()
    other = ada.twin()
    assert ada.post("/api/auth/logout").status_code == 204
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")
    assert problem(refreshed(app, ada.refresh)) == (401, "unauthenticated")
    assert other.get("/api/users/me").status_code == 200


def test_logout_all_ends_every_session_of_one_person(app: Flask, people: People) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    other = ada.twin()
    assert ada.post("/api/auth/logout-all").status_code == 204
    for session in (ada, other):
        assert problem(session.get("/api/users/me")) == (401, "invalid_token")
        assert refreshed(app, session.refresh).status_code == 401
    assert bob.get("/api/users/me").status_code == 200


def test_a_new_password_ends_every_session_and_opens_one(app: Flask, people: People) -> None:
    ada = people.join()
    other, before = ada.twin(), Person(app, ada.id, ada.email, access=ada.access, refresh=ada.refresh)
    answer = ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW})
    assert answer.status_code == 200
    for session in (before, other):
        assert problem(session.get("/api/users/me")) == (401, "invalid_token")
        assert refreshed(app, session.refresh).status_code == 401
    assert ada.holding(answer).get("/api/users/me").status_code == 200
    assert login(app, ada.email, PASSWORD).status_code == 401
    assert login(app, ada.email, NEW).status_code == 200


def test_a_new_password_needs_the_old_one(app: Flask, people: People) -> None:
    ada = people.join()
    answer = ada.post("/api/auth/password", {"current_password": "a guess", "new_password": NEW})
    assert problem(answer) == (401, "invalid_credentials")
    assert ada.get("/api/users/me").status_code == 200
    assert login(app, ada.email, PASSWORD).status_code == 200
    assert login(app, ada.email, NEW).status_code == 401


def test_a_login_that_a_password_change_overtakes_opens_nothing(
    app: Flask, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = people.join()
    real = passwords.matches

    def overtaken(password: str, hashed: str | None, **more: Any) -> bool:
        right = real(password, hashed, **more)
        monkeypatch.setattr(passwords, "matches", real)
        assert ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW}).status_code == 200
        return right

    monkeypatch.setattr(passwords, "matches", overtaken)
    assert problem(login(app, ada.email, PASSWORD)) == (401, "unauthenticated")


def test_two_hundred_logins_at_once_leave_the_shop_open(app: Flask, people: People) -> None:
    """At most two hash at a time and few wait; the others are told to come again, at once."""
    ada = people.join()
    busy: list[int] = []
    real = passwords.bcrypt.checkpw
    at_work = 0

    def slow(password: bytes, hashed: bytes) -> bool:
        nonlocal at_work
        at_work += 1
        busy.append(at_work)
        time.sleep(0.05)
        right = bool(real(password, hashed))
        at_work -= 1
        return right

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(40) as pool:
        patch.setattr(passwords.bcrypt, "checkpw", slow)
        logins = [pool.submit(login, app, ada.email, PASSWORD) for _ in range(200)]
        began = time.monotonic()
        assert ada.get("/api/users/me").status_code == 200
        waited = time.monotonic() - began
        answers = [future.result() for future in logins]
    assert waited < 2
    assert max(busy) <= passwords.AT_ONCE
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    turned_away = next(answer for answer in answers if answer.status_code == 503)
    assert problem(turned_away) == (503, "busy")
    assert turned_away.headers["Retry-After"] == "1"


def test_logins_from_one_address_do_not_hold_up_those_of_another(app: Flask, people: People) -> None:
    """Two hundred at once have their share of the queue; whoever comes from elsewhere finds room in it."""
    ada, bob = people.join("Ada"), people.join("Bob")
    real, release, crowd = passwords.bcrypt.checkpw, threading.Event(), threading.Event()

    def slow(password: bytes, hashed: bytes) -> bool:
        crowd.set()
        release.wait(10)
        return bool(real(password, hashed))

    def sign_in(person: Person, address: str) -> Any:
        body = {"email": person.email, "password": PASSWORD}
        return app.test_client().post(LOGIN, json=body, environ_base={"REMOTE_ADDR": address})

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(40) as pool:
        patch.setattr(passwords.bcrypt, "checkpw", slow)
        flood = [pool.submit(sign_in, ada, f"2001:db8::{n:x}") for n in range(200)]
        assert crowd.wait(10)
        turned_away = [done.result() for done in itertools.islice(as_completed(flood), 200 - passwords.SHARE)]
        assert {problem(answer) for answer in turned_away} == {(503, "busy")}
        assert {answer.headers["Retry-After"] for answer in turned_away} == {"1"}
        another = pool.submit(sign_in, bob, "10.0.0.7")
        release.set()
        assert another.result().status_code == 200
        statuses = sorted(answer.result().status_code for answer in flood)
    assert statuses == [200] * passwords.SHARE + [503] * (200 - passwords.SHARE)


@pytest.mark.parametrize("path", [LOGIN, REFRESH, "/api/auth/password-reset", "/api/auth/verify-email"])
@pytest.mark.parametrize("body", [{}, [], {"email": 1}, {"email": None, "password": None}, {"role": "admin"}])
def test_nothing_odd_in_a_body_is_a_500(app: Flask, path: str, body: Any) -> None:
    status = ask(app, "POST", path, body).status_code
    assert status in (401, 422)


def test_dead_sessions_are_forgotten_after_a_week(app: Flask, people: People) -> None:
    ada = people.join()
    dead = ada.twin()
    dead.post("/api/auth/logout")
    with db.transaction() as session:
        assert prune_sessions(session) == 0
        session.execute(
            update(SessionFamilyRow)
            .where(SessionFamilyRow.revoked_at.is_not(None))
            .values(revoked_at=in_seconds(-8 * 86400))
        )
    with db.transaction() as session:
        assert prune_sessions(session) == 1
    assert families() == 1
    assert ada.get("/api/users/me").status_code == 200
