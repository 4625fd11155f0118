"""P14, over every path and verb that takes a body: nothing sent is not `{}`, and changes nothing."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from db.schema import new_id
from tests.api.clients import People, Person, ask, problem
from tests.api.documented import VERBS, document

PREFERENCES = "/api/users/me/preferences"
OPTIONAL = {
    "post /api/cart",
    "post /api/auth/verify-email",
    "post /api/orders/claim",
    "post /api/orders/{id}/fulfilments",
    "post /api/orders/{id}/returns/{rid}/receive",
    "post /api/orders/{id}/reorder",
    "post /api/payments/{id}/capture",
}
"""An empty body means what `{}` does, and the document says that none is needed."""

BY_TEXT = {"{owner}": "me", "{sku}": "CHAIR", "{code}": "SPRING", "{country}": "DE", "{tax_class}": "standard"}


def with_bodies(app: Flask, *, required: bool) -> set[str]:
    return {
        f"{verb} {path}"
        for path, item in document(app)["paths"].items()
        for verb, operation in item.items()
        if verb in VERBS
        and path.startswith("/api/")
        and "application/json" in operation.get("requestBody", {}).get("content", {})
        if operation["requestBody"].get("required", False) is required
    }


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", lambda part: BY_TEXT.get(part[0], new_id()), path)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # no question of theirs reaches it
def test_p14_no_body_is_refused_wherever_one_is_needed(app: Flask, people: People) -> None:
    admin, needing = people.join("Root", role="admin"), with_bodies(app, required=True)
    assert len(needing) >= 50
    for operation in sorted(needing - {"post /api/webhooks/payments/{provider}"}):
        verb, path = operation.split()
        where, who = filled(path), admin.headers
        assert problem(ask(app, verb, where, headers=who)) == (422, "validation_failed"), operation
        typed = who | {"Content-Type": "application/json"}
        assert problem(ask(app, verb, where, headers=typed)) == (422, "validation_failed"), operation
        plain = app.test_client().open(where, method=verb, data="x=1", content_type="text/plain", headers=who)
        assert problem(plain) == (415, "unsupported_media_type"), operation


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_where_none_is_needed_the_document_says_so(app: Flask) -> None:
    assert with_bodies(app, required=False) == OPTIONAL


def test_preferences_without_a_body_withdraw_nothing(ada: Person) -> None:
    wish = {"topics": {"back_in_stock": {"email": True}, "offers": {"email": True}}}
    before = ada.ask("PUT", PREFERENCES, wish).json
    consents = ada.get("/api/users/me/consents").json
    assert problem(ada.ask("PUT", PREFERENCES)) == (422, "validation_failed")
    assert (ada.get(PREFERENCES).json, ada.get("/api/users/me/consents").json) == (before, consents)
    assert ada.ask("PUT", PREFERENCES, {}).json["topics"]["offers"]["email"] is False, "said, and so it is"
