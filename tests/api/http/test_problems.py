"""Every no is a problem document, and no input is a 500."""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api import probe
from tests.api.clients import problem


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    probe.done.clear()


def send(client: FlaskClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.post("/probe", data=body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "malformed_json")),
        (b'{"quantity": 1, "quantity": 2}', (400, "malformed_json")),
        (b'{"quantity": NaN}', (400, "malformed_json")),
        (b'{"quantity": 1}\xff', (400, "malformed_json")),
        ('{"quantity": 1}'.encode("utf-16"), (400, "malformed_json")),
        (b'{"quantity": ' + b"1" * 5000 + b"}", (400, "malformed_json")),
        (b'{"options": ' + b'{"a":' * 33 + b"1" + b"}" * 33 + b"}", (400, "malformed_json")),
        (b"[" * 200_000, (400, "malformed_json")),
        (b'{"options": [' + b"{}," * 5000 + b"{}]}", (400, "malformed_json")),
        (b'{"options": [' + b"[[1]]," * 1700 + b"1]}", (400, "malformed_json")),
        (b'{"note": "' + b"a" * 1024 * 1024 + b'"}', (413, "too_large")),
        (b"[]", (422, "validation_failed")),
        (b'"text"', (422, "validation_failed")),
        (b'{"note": "a\\u0000b"}', (422, "validation_failed")),
        (b'{"note": "\\ud800"}', (422, "validation_failed")),
        (b'{"options": {"\\u0000": 1}}', (422, "validation_failed")),
        (b'{"options": {"big": 1e999}}', (422, "validation_failed")),
        (b'{"note": "one\\nX-Evil: two"}', (422, "validation_failed")),
        (b'{"role": "admin"}', (422, "validation_failed")),
        (b'{"gift": 1}', (422, "validation_failed")),
        (b'{"price": {"amount": 1, "currency": "EUR\\n"}}', (422, "validation_failed")),
        (b'{"price": {"amount": 1000000000001, "currency": "EUR"}}', (422, "validation_failed")),
    ],
)
def test_p14_a_body_that_cannot_be_meant_changes_nothing(
    client: FlaskClient, body: bytes, expected: tuple[int, str]
) -> None:
    assert problem(send(client, body)) == expected
    assert probe.done == []


@pytest.mark.parametrize("quantity", ["-1", "0", "1.5", "1.0", '"1"', '"1e3"', "true", "1" + "0" * 30, "1e2", "null"])
def test_a_quantity_is_a_whole_number_and_nothing_that_looks_like_one(client: FlaskClient, quantity: str) -> None:
    answer = send(client, f'{{"quantity": {quantity}}}'.encode())
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == ["quantity"]
    assert probe.done == []


def test_whoever_errs_a_thousand_times_is_told_of_a_hundred(client: FlaskClient) -> None:
    answer = client.post("/probe", json={f"unknown {number}": 1 for number in range(1000)})
    assert problem(answer) == (422, "validation_failed")
    assert len(answer.json["errors"]) == 100


def test_a_nested_error_is_named_by_its_path(client: FlaskClient) -> None:
    answer = client.post("/probe", json={"price": {"amount": "1", "currency": "eur"}, "address": {"country": "XX"}})
    errors = answer.json["errors"]
    assert errors["price.amount"] == ["Not a valid integer."]
    assert errors["address.country"] == ["Must be a country code of ISO 3166-1, such as DE."]
    assert errors["address.line1"] == ["Missing data for required field."]


def test_another_content_type_is_415(client: FlaskClient) -> None:
    assert problem(send(client, b"quantity=1", "application/x-www-form-urlencoded")) == (415, "unsupported_media_type")
    assert problem(send(client, b'{"quantity": 1}', "text/plain")) == (415, "unsupported_media_type")
    assert probe.done == []


def test_an_unknown_path_is_404_and_a_wrong_method_405_that_says_which(client: FlaskClient) -> None:
    assert problem(client.get("/nowhere")) == (404, "not_found")
    answer = client.delete("/probe")
    assert problem(answer) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("path", "verbs"),
    [
        ("/api/products/import", "POST"),
        ("/api/products/armchair", "DELETE, GET, HEAD, PATCH"),
        ("/api/stock/locations", "GET, HEAD, POST"),
        ("/api/stock/CHAIR", "GET, HEAD, PATCH"),
        ("/api/orders/lookup", "POST"),
        ("/api/users/me", "DELETE, GET, HEAD, PATCH"),
    ],
)
def test_allow_names_the_verbs_of_that_path_and_of_no_other(client: FlaskClient, path: str, verbs: str) -> None:
    wanted = {*verbs.split(", "), "OPTIONS"}
    refused, asked = client.put(path, json={}), client.options(path)
    assert problem(refused) == (405, "method_not_allowed")
    assert set(refused.headers["Allow"].split(", ")) == wanted
    assert (asked.status_code, set(asked.headers["Allow"].split(", "))) == (200, wanted)


@pytest.mark.parametrize("id", ["1", "not-an-id", "%00", "'; DROP TABLE users --", "0" * 36, "%ED%A0%80"])
def test_what_cannot_be_an_id_is_404(client: FlaskClient, id: str) -> None:
    assert problem(client.get(f"/probe/{id}")) == (404, "not_found")


def test_nul_in_a_path_of_text_is_404_and_in_a_query_422(client: FlaskClient) -> None:
    assert problem(client.get("/probe/fail/a%00b")) == (404, "not_found")
    assert problem(client.get("/api/users/me/addresses?cursor=%00")) == (422, "validation_failed")


def test_a_refusal_keeps_its_code_and_what_it_knows(client: FlaskClient) -> None:
    answer = client.post("/probe", json={"quantity": 99})
    assert problem(answer) == (409, "out_of_stock")
    assert answer.json["available"] == 3
    assert answer.json["detail"] == "There are no 99 of them."


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("job", (409, "too_late_to_cancel")),
        ("nojob", (404, "not_found")),
        ("database", (503, "unavailable")),
        ("pool", (503, "unavailable")),
        ("money", (422, "validation_failed")),
        ("bug", (500, "internal_error")),
    ],
)
def test_p14_what_goes_wrong_inside_is_told_without_details(
    client: FlaskClient, logged: StringIO, how: str, expected: tuple[int, str]
) -> None:
    answer = client.get(f"/probe/fail/{how}")
    assert problem(answer) == expected
    assert ("Retry-After" in answer.headers) == (expected[0] == 503)
    assert "hunter2" not in answer.text
    assert ("Traceback" in logged.getvalue()) == (expected[0] >= 500)
    assert "hunter2-in-parameters" not in logged.getvalue()


def test_a_request_id_is_taken_if_it_is_one_and_made_if_not(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    for forged in ("a b", "a" * 65, "<script>", "ü"):
        assert client.get("/healthz", headers={"X-Request-ID": forged}).headers["X-Request-ID"] != forged


def test_every_answer_carries_the_headers_that_keep_a_browser_out_of_trouble(client: FlaskClient) -> None:
    for path in ("/healthz", "/nowhere", "/api/openapi.json", "/api/docs", "/probe/who"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_body_of_unknown_length_is_not_cut_off_at_the_limit(client: FlaskClient) -> None:
    """Cut off, what is left could still have a meaning: here, spaces after a whole document."""
    body = b'{"quantity": 1}' + b" " * 2 * 1024 * 1024
    answer = client.post(
        "/probe",
        input_stream=BytesIO(body),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert problem(answer) == (413, "too_large")
    assert probe.done == []
