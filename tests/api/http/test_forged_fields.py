"""P14, over every body and list that the document names: what nobody asked for is refused and changes nothing."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.api.bank import Bank
from tests.api.catalogue_data import put_on_shelf
from tests.api.clients import People, problem
from tests.api.documented import Operation, lists, objects, operations
from tests.api.http.test_foreign_ids import Belongings, everything

FORGED = {"role": "admin", "price": 1, "total": 1, "status": "paid", "user_id": "x", "id": "x"}

MAY_SAY = {
    "patch /api/users/{id}": {"role"},
    "patch /api/products/{id}": {"status"},
    "post /api/products/{id}/variants": {"price"},
    "patch /api/products/{id}/variants/{sku}": {"price"},
    "post /api/orders/{id}/fulfilments": {"status"},
    "patch /api/orders/{id}/fulfilments/{fid}": {"status"},
    "post /api/notifications": {"user_id"},
}
"""Staff only, each of them: `test_foreign_ids.STAFF_ONLY` holds customers off."""

SIGNED = "/api/webhooks/payments/{provider}"
"""Read as bytes, once their signature is proved."""

FREE_FORM = {".options", ".variants[].options", ".segment"}
"""Whose names the shop's people choose, or whose shape is a tree that is read by rules of its own."""

pytestmark = [
    pytest.mark.usefixtures("sent"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),  # no question reaches it
]


def with_bodies(app: Flask) -> list[Operation]:
    return [each for each in operations(app) if each.body and each.path != SIGNED]


def test_no_body_takes_what_the_document_does_not_name(app: Flask) -> None:
    loose = {
        (str(operation), path)
        for operation in with_bodies(app)
        for path, schema in objects(operation.body or {})
        if schema.get("additionalProperties") is not False and path not in FREE_FORM
    }
    assert loose == set()


def test_no_body_takes_a_list_without_end(app: Flask) -> None:
    named = {(str(each), path): part for each in with_bodies(app) for path, part in lists(each.body or {})}
    assert len(named) >= 8
    assert [name for name, part in named.items() if not 0 < part.get("maxItems", 0) <= 100] == []


def test_p14_a_long_list_is_counted_before_it_is_looked_at(app: Flask, people: People) -> None:
    """A mistake in each of a hundred thousand lines took a minute to be told of."""
    sam = people.join("Sam", role="admin")
    for operation in with_bodies(app):
        path = re.sub(r"{\w+}", sam.id, operation.path)
        for name, field in lists(operation.body or {}):
            if name.count(".") == 1:
                answer = sam.ask(operation.verb.upper(), path, {name[1:]: [{}] * 1000})
                assert problem(answer) == (422, "validation_failed")
                assert answer.json["errors"][name[1:]] == [f"At most {field['maxItems']}."], str(operation)


def test_only_staff_may_say_what_an_attacker_would(app: Flask) -> None:
    said = {str(each): each.fields & FORGED.keys() for each in with_bodies(app)}
    assert {name: fields for name, fields in said.items() if fields} == MAY_SAY


def test_p14_a_forged_field_is_named_and_changes_nothing(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=50)
    sam = people.join("Sam", role="admin")  # to whom no body is closed
    his = Belongings(sam)
    before = everything()
    for operation in with_bodies(app):
        answer = sam.ask(operation.verb.upper(), his.aim(operation.path), FORGED)
        assert problem(answer) == (422, "validation_failed"), f"{operation}: {answer.text}"
        forged = FORGED.keys() - operation.fields
        assert forged <= answer.json["errors"].keys(), f"{operation}: {answer.text}"
    assert everything() == before


def test_p14_no_list_gives_a_page_without_end(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR", on_hand=50)
    sam = people.join("Sam", role="admin")
    his = Belongings(sam)
    lists = [each for each in operations(app) if any(one.get("name") == "limit" for one in each.parameters)]
    assert len(lists) >= 20
    for operation in lists:
        for limit in ("101", "1000000", "0", "-1", "1e3", "x", "9" * 30):
            answer = sam.get(f"{his.aim(operation.path)}?limit={limit}")
            assert problem(answer) == (422, "validation_failed"), f"{operation} limit={limit}"
        assert sam.get(f"{his.aim(operation.path)}?cursor=%00%27").status_code == 422, f"{operation}"
