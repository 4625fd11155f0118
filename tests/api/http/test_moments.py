"""Every moment that a body or a query can name is answered: 422, or taken and given back the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from db.schema import new_id
from shop.kernel.times import in_bounds
from tests.api.clients import People, Person, problem
from tests.api.documented import Operation, operations

ODD: list[Any] = [
    *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("9998-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    *("-001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z"),
    *("2026-12-31T23:59:60Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00+24:00"),
    *("2026-01-01", "now", "", " ", "2026-01-01T00:00:00z\n", 10**30, -1, 1.5, True, [], {}),
]
TAKEN = {
    "1900-01-01T00:00:00Z": "1900-01-01T00:00:00.000Z",
    "9997-12-31T23:59:59Z": "9997-12-31T23:59:59.000Z",
    "2026-10-25T02:30:00+02:00": "2026-10-25T00:30:00.000Z",
    "2026-10-25T02:30:00+01:00": "2026-10-25T01:30:00.000Z",
    "2026-03-29T02:30:00+01:00": "2026-03-29T01:30:00.000Z",
    "2027-01-01T00:00:00+14:00": "2026-12-31T10:00:00.000Z",
    "2027-01-01T00:00:00-12:00": "2027-01-01T12:00:00.000Z",
    "2027-01-01T00:00:00.123456789Z": "2027-01-01T00:00:00.123Z",
}


def moments(schema: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if schema.get("format") == "date-time" and not schema.get("readOnly") else []
    for name, field in schema.get("properties", {}).items():
        found += moments(field, (*path, name))
    for one in (one for kind in ("anyOf", "oneOf", "allOf") for one in schema.get(kind, ())):
        found += moments(one, path)
    return found


def bodies(operation: Operation) -> list[tuple[str, ...]]:
    return moments(operation.body or {})


def queries(operation: Operation) -> list[str]:
    return [one["name"] for one in operation.parameters if one.get("schema", {}).get("format") == "date-time"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_moment_of_any_body_or_query_is_a_fault_of_ours(app: Flask, people: People) -> None:
    """Nested as deeply as the document says; what else is wrong with the request is not looked at first."""
    root, tried = people.join("Root", role="admin"), set()
    for operation in operations(app):
        path = operation.path.replace("{code}", "SPRING").replace("{provider}", "sandbox")
        path = "/".join(new_id() if part.startswith("{") else part for part in path.split("/"))
        for way in bodies(operation):
            for odd in ODD:
                body: Any = odd
                for name in reversed(way):
                    body = {name: body}
                answer = root.ask(operation.verb.upper(), path, body)
                assert 400 <= answer.status_code < 500, (operation, way, odd, answer.text)
                tried.add(str(operation))
        for name in queries(operation):
            for odd in ODD:
                answer = app.test_client().get(path, query_string={name: str(odd)}, headers=root.headers)
                assert 400 <= answer.status_code < 500, (operation, name, odd, answer.text)
    assert {"post /api/coupons", "patch /api/coupons/{code}", "post /api/promotions", "post /api/campaigns"} <= tried


@pytest.mark.parametrize("odd", ODD)
def test_a_coupon_is_not_made_with_what_is_none(people: People, odd: Any) -> None:
    sam = people.join("Sam", role="staff")
    answer = sam.post("/api/coupons", COUPON | {"starts_at": odd})
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == ["starts_at"]
    assert sam.get("/api/coupons").json["items"] == []


@pytest.mark.parametrize(("given", "back"), TAKEN.items())
def test_what_is_taken_comes_back_the_same(sam: Person, given: str, back: str) -> None:
    assert sam.post("/api/coupons", COUPON | {"starts_at": given}).json["starts_at"] == back
    assert sam.get("/api/coupons/SPRING").json["starts_at"] == back


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "Europe/Berlin"])
@pytest.mark.parametrize("at", ["9997-12-31T23:59:59Z", "2026-10-25T00:30:00Z"])
def test_every_pair_of_moment_and_zone_of_a_campaign_can_be_shown(sam: Person, zone: str, at: str) -> None:
    said = {"name": "x", "subject": "x", "text": "x", "schedule": {"at": at}, "time_zone": zone}
    made = sam.post("/api/campaigns", said)
    assert made.status_code == 201, made.text
    again = sam.get(f"/api/campaigns/{made.json['id']}").json
    assert (again["schedule"]["at"], again["time_zone"]) == (at.replace("Z", ".000Z"), zone)


@pytest.mark.parametrize(
    "zone", ["", " ", "Mars/Olympus", "../etc", "europe/berlin", "+02:00", "a" * 61, "Europe/Berlin\0"]
)
def test_what_is_no_zone_is_422(sam: Person, zone: str) -> None:
    said = {"name": "x", "subject": "x", "text": "x", "schedule": {"cron": "0 9 * * *"}, "time_zone": zone}
    answer = sam.post("/api/campaigns", said)
    assert problem(answer) == (422, "validation_failed")
    assert list(answer.json["errors"]) == ["time_zone"]


def test_a_moment_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="offset"):
        in_bounds(datetime(2026, 1, 1))


COUPON = {"code": "SPRING", "name": "Spring", "kind": "percentage", "percent": 10}
