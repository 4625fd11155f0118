"""Hooks around every request: its id, its log line, the check of its body, the security headers of its answer."""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from flask import Flask, Request, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge, UnsupportedMediaType

from api.http.strict_json import unfit_text
from config import settings
from db.schema import new_id
from shop.import_export import uploads

log = structlog.get_logger("api")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
LARGEST_BODY = 1024 * 1024
LARGEST_OF = {"/api/products/import": uploads.LARGEST}
BROKE_OFF = "The connection ended before the body did. Nothing was done."
HTTPS = {"Strict-Transport-Security": "max-age=31536000"}


class WholeRequest(Request):
    """A request whose body is read whole, or not at all: BadRequest when the connection broke off before its end.

    A body of unknown length that reaches the limit is RequestEntityTooLarge; werkzeug would silently cut it there.
    """

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        try:
            body = super().get_data(*args, **kwargs)
        except OSError as error:  # chunks that do not end, as the development server tells it
            raise BadRequest(BROKE_OFF) from error
        limit, length = self.max_content_length, self.content_length
        if length is None and limit is not None and len(body) >= limit:
            raise RequestEntityTooLarge
        if length is not None and len(body) < length:
            raise BadRequest(BROKE_OFF)
        return body


def largest_body(path: str) -> int:
    """Return how many bytes a body sent to this path may have."""
    return LARGEST_OF.get(path, LARGEST_BODY)


def init_app(app: Flask) -> None:
    app.request_class = WholeRequest
    app.before_request(_begin)
    app.before_request(_storable_path)
    app.before_request(_whole_body)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else new_id()
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _storable_path() -> None:
    """Answer 404 for a path with a character that cannot be stored: no id or slug contains it."""
    if any(isinstance(value, str) and unfit_text(value) for value in (request.view_args or {}).values()):
        raise NotFound


def _whole_body() -> None:
    """Read the body before the view runs, even if the view ignores it: a cut body may have meant something else."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    request.max_content_length = largest_body(request.path)
    request.get_data()


def _end(answer: Response) -> Response:
    answer.headers["X-Request-ID"] = g.request_id
    there = {name.lower() for name in answer.headers.keys()}  # noqa: SIM118 - they are pairs
    for name, value in (HEADERS | HTTPS if settings().public_url.startswith("https:") else HEADERS).items():
        if name.lower() not in there:
            answer.headers.add(name, value)
    milliseconds = round((time.perf_counter() - g.began) * 1000, 1)
    # The view and never the path itself, which may hold a token.
    log.info("request", method=request.method, view=request.endpoint, status=answer.status_code, ms=milliseconds)
    return answer
