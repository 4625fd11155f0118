"""The document is made from the code, and the page that shows it needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from api import create_app
from api.app import UnknownService
from tests.fixtures import Database


def test_the_document_is_openapi_3_1_with_bearer_tokens_and_problems(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    default = document["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert list(default) == ["application/problem+json"]
    assert default["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_document_is_valid_to_those_who_make_clients_from_it(client: FlaskClient) -> None:
    """No error of the standard's own schema; nor a type named twice, at which openapi-generator gives up."""
    document = client.get("/api/openapi.json").json
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    twice = [way for way, types in _type_lists(document) if len(set(types)) < len(types)]
    assert twice == []


def _type_lists(part: Any, way: str = "") -> Iterator[tuple[str, list[str]]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, value in inner:
        if name == "type" and isinstance(value, list):
            yield way, value
        yield from _type_lists(value, f"{way}/{name}")


def test_every_operation_has_a_name_of_its_own_and_a_plain_summary(client: FlaskClient) -> None:
    """Clients are made from them: a method is called like the operation, and described by its summary."""
    paths = client.get("/api/openapi.json").json["paths"]
    every = [
        (f"{verb} {path}", one) for path, item in paths.items() for verb, one in item.items() if path[:5] == "/api/"
    ]
    every = [(where, one) for where, one in every if isinstance(one, dict)]
    names = [one["operationId"] for _, one in every]
    assert len(set(names)) == len(names) > 150
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", name)] == []
    plain = re.compile(r"[A-Z][A-Za-z' -]{4,59}")
    assert [(where, one["summary"]) for where, one in every if not plain.fullmatch(one["summary"])] == []


def test_an_operation_says_whom_it_lets_in_and_that_it_takes_a_key(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").json["paths"]
    probe = paths["/probe"]["post"]
    assert probe["security"] == [{}, {"bearer": []}]
    assert [p["name"] for p in probe["parameters"] if p["in"] == "header"] == ["Idempotency-Key"]
    assert paths["/api/users/me"]["get"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/api/auth/login"]["post"]


def test_every_path_of_the_app_is_in_the_document(app: Flask) -> None:
    paths = app.test_client().get("/api/openapi.json").json["paths"]
    written = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    hidden = {"/", "/healthz", "/readyz", "/api/openapi.json", "/account/{name}", "/probe/fail/{how}"}
    assert {rule for rule in written if not rule.startswith("/api/docs")} - hidden <= set(paths)


def test_what_may_be_null_may_be_so_where_its_values_are_listed(client: FlaskClient) -> None:
    schemas = client.get("/api/openapi.json").json["components"]["schemas"]
    fields = [(f"{name}.{of}", field) for name, it in schemas.items() for of, field in it.get("properties", {}).items()]
    listed = [(name, field) for name, field in fields if "null" in field.get("type", ()) and "enum" in field]
    assert "BankTransfer.problem" in dict(listed)
    assert [name for name, field in listed if None not in field["enum"]] == []


def test_the_page_and_all_it_loads_come_from_here_under_a_strict_policy(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "<script>" not in page.text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for path in loaded:
        assert path.startswith("/api/docs/")
        assert client.get(path).status_code == 200
    assert client.get("/api/docs/").status_code == 200
    assert client.get("/api/docs/../app.py").status_code == 404


def test_a_service_mounts_only_what_is_its_own(database: Database) -> None:
    client = create_app(["auth"]).test_client()
    paths = client.get("/api/openapi.json").json["paths"]
    assert "/api/auth/login" in paths
    assert "/api/users" not in paths
    assert client.post("/api/users").status_code == 404
    assert client.get("/api/docs").status_code == 200
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_service_that_there_is_not_stops_the_start() -> None:
    with pytest.raises(UnknownService, match="no service is called basket, till; there are user, auth"):
        create_app(["auth", "till", "basket"])


def test_a_pattern_means_to_others_what_it_means_here(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json")
    assert "\\\\Z" not in document.text
    currency = document.json["components"]["schemas"]["Money"]["properties"]["currency"]
    assert currency["pattern"] == "^[A-Z]{3}$"
