"""Logs are JSON lines, and no secret is among them."""

from __future__ import annotations

import json
import logging
from io import StringIO

import structlog
from sqlalchemy.exc import IntegrityError

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def told(logged: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in logged.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_what_the_request_was(logged: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        structlog.get_logger("api").info("request", status=200)
        logging.getLogger("somebody.else").warning("odd: %s", 7)
    ours, theirs = told(logged)
    assert (ours["event"], ours["status"], ours["request_id"], ours["level"]) == ("request", 200, "abc", "info")
    assert (theirs["event"], theirs["request_id"], theirs["logger"]) == ("odd: 7", "abc", "somebody.else")
    assert str(ours["timestamp"]).endswith("Z")


def test_a_value_under_a_telling_name_is_hidden_however_deep(logged: StringIO) -> None:
    body = {"email": "a@example.com", "Password": "hunter2", "cards": [{"token": "tok_ok", "card_number": "4242"}]}
    structlog.get_logger("api").info("got", body=body, authorization="x", jwt_secret="y", new_password="z")
    line = logged.getvalue()
    for secret in ("hunter2", "tok_ok", "4242", '"x"', '"y"', '"z"'):
        assert secret not in line
    assert "a@example.com" in line


def test_what_looks_like_a_credential_is_hidden_wherever_it_stands(logged: StringIO) -> None:
    structlog.get_logger("api").info(f"sent Authorization: Bearer {JWT}", text=f"and {JWT}", other="Basic dXNlcjpwYXNz")
    logging.getLogger("urllib3").warning("header %s", f"Bearer {JWT}")
    assert JWT.split(".")[1] not in logged.getvalue()
    assert "dXNlcjpwYXNz" not in logged.getvalue()


def test_a_failed_statement_shows_its_sql_and_not_its_values(logged: StringIO) -> None:
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
    assert "INSERT INTO users" in logged.getvalue()
    assert "secret-hash" not in logged.getvalue()
