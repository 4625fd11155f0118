"""What the OpenAPI document does not name is refused on every path and verb, and has no effect."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf
from tests.api.clients import People, Person
from tests.api.documented import Operation, operations

ANY = "00000000-0000-7000-8000-000000000000"
JSON = "application/json"


def path_of(operation: Operation) -> str:
    return re.sub(r"{\w+}", ANY, operation.path)


def ask(client: FlaskClient, operation: Operation, who: Person, query: str = "", **more: Any) -> Any:
    return client.open(path_of(operation) + query, method=operation.verb.upper(), headers=who.headers, **more)


def refused(answer: Any, name: str = "surprise") -> bool:
    return answer.status_code == 422 and answer.json["errors"].get(name) == ["Unknown field."]


def test_a_parameter_nobody_documents_is_refused_everywhere(app: Flask, people: People) -> None:
    admin, client = people.join("Root", role="admin"), app.test_client()
    answers = {str(one): ask(client, one, admin, "?surprise=1") for one in operations(app)}
    assert len(answers) > 150
    assert [name for name, answer in answers.items() if not refused(answer)] == []


def test_a_field_nobody_documents_is_refused_everywhere(app: Flask, people: People) -> None:
    """Also where no body is read at all: who sends one believes that it counts."""
    admin, client = people.join("Root", role="admin"), app.test_client()
    signed_or_files = {"post /api/webhooks/payments/{provider}", "post /api/products/import"}
    forms = {"post /api/unsubscribe/{token}"}
    asked = [one for one in operations(app) if str(one) not in signed_or_files | forms]
    answers = {str(one): ask(client, one, admin, json={"surprise": 1}) for one in asked}
    assert [name for name, answer in answers.items() if not refused(answer)] == []


def test_an_order_is_not_cancelled_as_a_whole_where_a_part_was_asked_for(
    app: Flask, people: People, bank: Bank
) -> None:
    put_on_shelf("CHAIR")
    ada = people.join("Ada")
    placed = order(ada, quantity=3)["order"]
    answer = ada.post(f"/api/orders/{placed['id']}/cancel", {"lines": [{"sku": "CHAIR", "quantity": 1}]})
    assert refused(answer, "lines")
    assert ada.get(f"/api/orders/{placed['id']}").json["job"]["cancel_requested"] is False


@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
def test_no_body_and_an_empty_object_say_the_same_to_who_takes_none(
    client: FlaskClient, ada: Person, body: bytes
) -> None:
    answer = client.post("/api/auth/logout", data=body, content_type=JSON, headers=ada.headers)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"[]", JSON, 422, "validation_failed"),
        (b"5", JSON, 422, "validation_failed"),
        (b"{", JSON, 400, "malformed_json"),
        (b'{"a": 1, "a": 2}', JSON, 400, "malformed_json"),
        (b"everywhere=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
)
def test_any_other_body_is_refused_where_none_is_taken_and_nothing_happens(
    client: FlaskClient, ada: Person, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = client.post("/api/auth/logout", data=body, content_type=kind, headers=ada.headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert ada.get("/api/users/me").status_code == 200, "still signed in"


def test_a_parameter_given_twice_is_refused(client: FlaskClient, ada: Person) -> None:
    answer = client.get("/api/orders?limit=1&limit=2", headers=ada.headers)
    assert answer.status_code == 422
    assert answer.json["errors"] == {"limit": ["Is given more than once."]}


def test_head_is_judged_like_get_and_a_question_about_verbs_is_not(client: FlaskClient) -> None:
    assert client.head("/api/products?colour=white").status_code == 422
    assert client.head("/api/products?limit=1").status_code == 200
    assert client.options("/api/products?colour=white").status_code == 200


def test_pages_for_people_take_what_mail_programs_add_to_links(client: FlaskClient) -> None:
    assert client.get("/account/verify-email?utm_source=mail").status_code == 200
