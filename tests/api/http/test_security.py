"""P13, I13: who may come in, looked at again with every request."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from flask import Flask

import config
import db
from api import create_app
from config import checks
from db.schema import new_id
from shop.accounts import sessions, users
from tests.api.clients import People, Person, ask, problem
from tests.fixtures import Configure, Database


def claims(person: Person) -> dict[str, Any]:
    return jwt.decode(person.access, options={"verify_signature": False})


def forged(person: Person, *, secret: str = "", algorithm: str = "HS256", **changes: Any) -> str:
    told = {name: value for name, value in (claims(person) | changes).items() if value is not None}
    return jwt.encode(told, secret or config.settings().jwt_secret, algorithm=algorithm)


def unsigned(person: Person) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims(person)]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def knock(app: Flask, token: str, path: str = "/api/users/me") -> Any:
    return ask(app, "GET", path, headers={"Authorization": f"Bearer {token}"})


def test_a_good_token_opens(app: Flask, people: People) -> None:
    ada = people.join()
    assert ada.get("/api/users/me").json["id"] == ada.id
    assert "role" not in claims(ada)


def test_without_a_token_it_is_401_and_says_how(app: Flask) -> None:
    answer = ask(app, "GET", "/api/users/me")
    assert problem(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("what", ["none", "HS512", "secret", "audience", "issuer", "expired", "early", "no exp",
                                  "no sid", "no sub", "odd sid", "stranger", "list", "garbage", "refresh"])  # fmt: skip
def test_no_forged_token_opens_anything(app: Flask, people: People, what: str) -> None:
    ada, bob = people.join("Ada"), people.join("Bob")
    now = int(time.time())
    token = {
        "none": lambda: unsigned(ada),
        "HS512": lambda: forged(ada, algorithm="HS512", secret="x" * 64),
        "secret": lambda: forged(ada, secret="x" * 64),
        "audience": lambda: forged(ada, aud="another shop"),
        "issuer": lambda: forged(ada, iss="another shop"),
        "expired": lambda: forged(ada, exp=now - 2),
        "early": lambda: forged(ada, nbf=now + 3600),
        "no exp": lambda: forged(ada, exp=None),
        "no sid": lambda: forged(ada, sid=None),
        "no sub": lambda: forged(ada, sub=None),
        "odd sid": lambda: forged(ada, sid="' OR 1=1 --"),
        "stranger": lambda: forged(ada, sub=bob.id),
        "list": lambda: forged(ada, sid=[ada.id]),
        "garbage": lambda: "a.b.c",
        "refresh": lambda: ada.refresh,
    }[what]()
    for path in ("/api/users/me", "/probe/who", "/probe/staff"):
        answer = knock(app, token, path)
        assert problem(answer) == (401, "invalid_token"), path
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert ada.id not in answer.text


def test_a_guest_may_come_without_a_token_but_not_with_a_bad_one(app: Flask) -> None:
    assert ask(app, "GET", "/probe/who").json == {"id": None}
    for header in ("Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "nonsense", "Bearer \u00fc"):
        assert ask(app, "GET", "/probe/who", headers={"Authorization": header}).status_code == 401, header


def test_a_role_counts_as_it_is_now_and_not_as_a_token_says(app: Flask, people: People) -> None:
    ada = people.join()
    assert problem(ada.get("/probe/staff")) == (403, "forbidden")
    assert problem(knock(app, forged(ada, role="admin"), "/probe/staff")) == (403, "forbidden")
    with db.transaction() as session:
        users.change_role(session, ada.id, "staff")
    assert ada.get("/probe/staff").json == {"secret": "of the staff"}
    with db.transaction() as session:
        users.change_role(session, ada.id, "customer")
    answer = ada.get("/probe/staff")
    assert problem(answer) == (403, "forbidden")
    assert "of the staff" not in answer.text


def test_nobody_holds_a_session_of_a_user_who_is_gone(people: People) -> None:
    ada = people.join()
    with db.transaction() as session:
        users.erase(session, ada.id)  # and the session is forgotten to be revoked
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")


def test_a_session_that_has_expired_opens_nothing(people: People) -> None:
    ada = people.join()
    with db.transaction() as session:
        row = session.get_one(sessions.SessionFamilyRow, claims(ada)["sid"])
        row.expires_at = row.created_at
    assert problem(ada.get("/api/users/me")) == (401, "invalid_token")
    answer = ada.post("/api/auth/refresh", {"refresh_token": ada.refresh})
    assert problem(answer) == (401, "unauthenticated")


def test_a_clock_ten_minutes_off_neither_shuts_out_nor_lets_in(
    app: Flask, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's clock decides, so that replicas need not agree on the time."""
    ada = people.join()
    old = forged(ada, exp=int(time.time()) - 2)
    real = time.time
    for wrong in (-600, 600):
        with monkeypatch.context() as patch:
            patch.setattr("jwt.api_jwt.datetime", _clock_off_by(wrong, real))
            assert knock(app, ada.access).status_code == 200, wrong
            assert knock(app, old).status_code == 401, wrong


def _clock_off_by(seconds: int, real: Any) -> Any:
    from datetime import datetime

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(real() + seconds, tz)

    return Clock


def test_a_short_secret_is_not_started_with(database: Database, configure: Configure) -> None:
    configure(JWT_SECRET="short")
    with pytest.raises(checks.InsecureSetting):
        create_app()


def test_an_unknown_session_in_a_well_signed_token_is_401(app: Flask, people: People) -> None:
    ada = people.join()
    assert problem(knock(app, forged(ada, sid=new_id()))) == (401, "invalid_token")
