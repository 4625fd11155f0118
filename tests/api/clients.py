"""People at the door, each with their own client and tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

import db
from shop.accounts import users

PASSWORD = "correct horse battery"


@dataclass
class Person:
    app: Flask
    id: str
    email: str
    password: str = PASSWORD
    access: str = ""
    refresh: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}

    def sign_in(self) -> Person:
        """Opens another session and goes on with that one."""
        answer = post(self.app, "/api/auth/login", {"email": self.email, "password": self.password})
        assert answer.status_code == 200, answer.text
        return self.holding(answer)

    def holding(self, answer: TestResponse) -> Person:
        self.access, self.refresh = answer.json["access_token"], answer.json["refresh_token"]
        return self

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return ask(self.app, method, path, body, self.headers | headers)

    def get(self, path: str) -> TestResponse:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)

    def twin(self) -> Person:
        """The same person on another device."""
        return Person(self.app, self.id, self.email, self.password).sign_in()


@dataclass
class People:
    app: Flask
    _number: int = field(default=0)

    def join(self, name: str = "Ada", role: str = "customer", password: str = PASSWORD) -> Person:
        """Registers and signs in."""
        self._number += 1
        email = f"{name.lower()}.{self._number}@example.com"
        answer = post(self.app, "/api/users", {"email": email, "password": password, "name": name})
        assert answer.status_code == 201, answer.text
        if role != "customer":
            with db.transaction() as session:
                users.get(session, answer.json["id"]).role = role
        return Person(self.app, answer.json["id"], email, password).sign_in()


def ask(app: Flask, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> TestResponse:
    given = {} if body is None else {"json": body}
    return app.test_client().open(path, method=method, headers=headers or {}, **given)


def post(app: Flask, path: str, body: Any = None, **headers: str) -> TestResponse:
    return ask(app, "POST", path, body, headers)


def problem(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a problem document, which must be one in every respect."""
    assert answer.mimetype == "application/problem+json", answer.text
    body = answer.json
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:orderwave:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return answer.status_code, body["code"]
