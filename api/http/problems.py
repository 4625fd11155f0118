"""Error handlers: they render every error as a problem document (RFC 9457), and no other module does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog
from flask import Flask, Response, current_app, g
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from werkzeug.exceptions import HTTPException

from engine import NotPossible
from shop.kernel.errors import Invalid, Refusal
from shop.kernel.money import CurrencyMismatch, TooMuch

log = structlog.get_logger(__name__)

MIMETYPE = "application/problem+json"
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "rate_limited",
}
BUSY_SECONDS = 2
MOST_ERRORS = 100  # named in one answer; a request with more is broken as a whole


def problem(
    status: int, code: str, title: str, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Make a problem document: `{type, title, status, detail, code, request_id, ...more}`."""
    body = {"type": f"urn:orderwave:problem:{code}", "title": title, "status": status, "detail": detail or title}
    body |= {"code": code, "request_id": g.get("request_id")} | more
    answer = Response(current_app.json.dumps(body), status, mimetype=MIMETYPE)
    answer.headers.extend(headers or {})
    return answer


def init_app(app: Flask) -> None:
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(NotPossible, not_possible)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(TooMuch, lambda _: refused(Invalid({}, "An amount is larger than the shop can hold.")))
    app.register_error_handler(CurrencyMismatch, lambda _: refused(Invalid({}, "Two currencies do not add up.")))
    app.register_error_handler(DBAPIError, database_error)
    app.register_error_handler(TimeoutError, database_away)
    app.register_error_handler(Exception, unexpected)


def refused(refusal: Refusal) -> Response:
    """Render a Refusal. One with a `retry_after` (seconds) gets a Retry-After header."""
    headers = dict(getattr(refusal, "headers", {}))
    if refusal.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if hasattr(refusal, "retry_after"):
        headers["Retry-After"] = str(refusal.retry_after)
    return problem(refusal.status, refusal.code, refusal.title, refusal.detail, headers, **refusal.more)


def not_possible(error: NotPossible) -> Response:
    status = HTTPStatus.NOT_FOUND if error.code == "not_found" else HTTPStatus.CONFLICT
    return problem(status, error.code, "Not found" if status == 404 else "Not possible", error.detail)


def http_error(error: HTTPException) -> Response:
    """Render what Flask, werkzeug, webargs and the limiter raise; their own headers (Allow, Retry-After) stay."""
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if not name.startswith("Content-")}
    title = HTTPStatus(status).phrase
    code = CODES.get(status, title.lower().replace(" ", "_"))
    messages = getattr(error, "data", {}).get("messages")
    if messages:  # from webargs, by location
        return refused(Invalid(dict(islice(_flat(next(iter(messages.values()))), MOST_ERRORS))))
    return problem(status, code, title, error.description or "", headers)


def database_error(error: DBAPIError) -> Response:
    away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return database_away(error) if away else unexpected(error)


def database_away(error: Exception) -> Response:
    """Answer 503 with Retry-After: the database is away, full or too busy.

    If the connection broke during a COMMIT, the request may have taken effect all the same.
    """
    log.error("the database did not answer", exc_info=error)
    headers = {"Retry-After": str(BUSY_SECONDS)}
    return problem(503, "unavailable", "Unavailable", "The shop cannot do this right now. Try again.", headers)


def unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem(500, "internal_error", "Internal error", "Something went wrong on our side.")


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Flatten webargs' messages: `{"payment": {"token": ["..."]}}` becomes `payment.token: [...]`."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            here = path if name == "_schema" else f"{path}.{name}".lstrip(".")
            yield from _flat(inner, here)
    else:
        yield path or "body", [str(text) for text in messages] if isinstance(messages, list) else [str(messages)]
