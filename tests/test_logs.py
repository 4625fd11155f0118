"""Logs are JSON lines, and no secret is among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from sqlalchemy.exc import IntegrityError

import logs

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the process would write."""
    logs.configure("INFO")
    ours = next(handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)
                and isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter))  # fmt: skip
    written = StringIO()
    before = ours.setStream(written)
    yield written
    ours.setStream(before)
    logs.configure("WARNING")


def told(lines: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_what_the_request_was(lines: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        structlog.get_logger("api").info("request", status=200)
        logging.getLogger("somebody.else").warning("odd: %s", 7)
    ours, theirs = told(lines)
    assert (ours["event"], ours["status"], ours["request_id"], ours["level"]) == ("request", 200, "abc", "info")
    assert (theirs["event"], theirs["request_id"], theirs["logger"]) == ("odd: 7", "abc", "somebody.else")
    assert str(ours["timestamp"]).endswith("Z")


def test_a_value_under_a_telling_name_is_hidden_however_deep(lines: StringIO) -> None:
    body = {"email": "a@example.com", "Password": "hunter2", "cards": [{"token": "tok_ok", "card_number": "4242"}]}
    structlog.get_logger("api").info("got", body=body, authorization="x", jwt_secret="y", new_password="z")
    line = lines.getvalue()
    for secret in ("hunter2", "tok_ok", "4242", '"x"', '"y"', '"z"'):
        assert secret not in line
    assert "a@example.com" in line


def test_what_looks_like_a_credential_is_hidden_wherever_it_stands(lines: StringIO) -> None:
    structlog.get_logger("api").info(f"sent Authorization: Bearer {JWT}", text=f"and {JWT}", other="Basic dXNlcjpwYXNz")
    logging.getLogger("urllib3").warning("header %s", f"Bearer {JWT}")
    assert JWT.split(".")[1] not in lines.getvalue()
    assert "dXNlcjpwYXNz" not in lines.getvalue()


def test_a_failed_statement_shows_its_sql_and_not_its_values(lines: StringIO) -> None:
    try:
        try:
            raise IntegrityError(
                "INSERT INTO users VALUES (:hash)", {"hash": "-".join(("secret", "hash"))}, Exception("duplicate")
            )
        except IntegrityError as error:
            raise RuntimeError("and so it went on") from error
    except RuntimeError:
        structlog.get_logger("api").exception("failed")
        logging.getLogger("celery").exception("failed")
    assert "INSERT INTO users" in lines.getvalue()
    assert "secret-hash" not in lines.getvalue()
