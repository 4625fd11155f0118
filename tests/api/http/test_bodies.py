"""The bodies that are put together by hand are those that the schemas, and with them the documentation, tell of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields

import db
from api.http.fast_bodies import job_body, order_body
from api.http.schemas import JobSchema, Schema
from api.orders.schemas import OrderSchema
from engine import jobs
from shop.orders import orders
from tests.api.bank import Bank
from tests.api.catalogue_data import order, put_on_shelf
from tests.api.clients import People
from tests.api.inline_worker import drive

OPTIONAL = {"line2", "region", "phone"}


def written_by_hand(id: str, job_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    with db.reading() as session:
        job = jobs.get(session, job_id)
        assert job is not None
        return order_body(orders.get(session, id), job_body(job)), job_body(job)


def nested(schema: Any, body: dict[str, Any]) -> Iterator[tuple[Schema, dict[str, Any]]]:
    """This body and all the objects in it, each with its schema."""
    yield schema, body
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested) and body.get(name):
            for one in body[name] if isinstance(body[name], list) else [body[name]]:
                yield from nested(inner.schema, one)


@pytest.mark.parametrize("token", ["tok_ok", "tok_declined"])
def test_a_body_has_the_fields_of_its_schema_in_their_order_and_passes_its_checks(
    app: Flask, people: People, bank: Bank, token: str
) -> None:
    put_on_shelf("CHAIR")
    placed = order(people.join(), token=token)
    for _ in range(2):
        bodies = written_by_hand(placed["order"]["id"], placed["job"]["id"])
        for top, body in zip((OrderSchema(), JobSchema()), bodies, strict=True):
            top.load(body)
            for schema, part in nested(top, body):
                assert [name for name in part if name not in OPTIONAL] == [
                    name for name in schema.fields if name not in OPTIONAL
                ]
        drive(placed["job"]["id"], steps=2)


def test_what_the_engine_remembers_for_itself_is_not_told(app: Flask, people: People, bank: Bank) -> None:
    put_on_shelf("CHAIR")
    placed = order(people.join(), token="tok_declined")
    drive(placed["job"]["id"])
    _, job = written_by_hand(placed["order"]["id"], placed["job"]["id"])
    assert set(job["error"]) == {"code", "detail"}
    assert all("output" not in step for step in job["steps"])
