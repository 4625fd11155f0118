"""The doctor finds an import that lost a line or kept one."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

import db
import engine
from doctor.imports import imports_are_through
from shop.import_export import imports
from shop.import_export.uploads import Format
from tests.api.inline_worker import drive
from workflows import import_catalogue

pytestmark = pytest.mark.usefixtures("database")

LINE = {"slug": "bench", "name": "Bench", "sku": "BENCH", "price_cents": 100}


def accepted() -> tuple[str, str]:
    """The import's id and its run's."""
    with db.transaction() as session:
        row = imports.accept(session, Format.JSONL, json.dumps(LINE).encode(), None)
        run = engine.start(session, import_catalogue, key=row.id, subject=("import", row.id))
        return row.id, run.id


def breaches() -> list[str]:
    with db.reading() as session:
        return list(imports_are_through(session))


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def test_nothing_is_wrong_while_it_is_under_way_and_when_it_is_through() -> None:
    _, run = accepted()
    assert breaches() == []
    while drive(run) != "succeeded":
        pass
    assert breaches() == []


def test_a_lost_line_and_a_page_that_was_kept_are_named() -> None:
    id, _ = accepted()
    change("UPDATE runs SET state = 'succeeded', hold = 'end', due_at = NULL")
    assert breaches() == [
        f"import {id} succeeded, but looked at 0 of 1 lines",
        f"import {id} is succeeded and still keeps 1 pages",
    ]
