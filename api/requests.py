"""What happens to every request: an id, a log line, headers that keep a browser out of trouble."""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from flask import Flask, Request, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from api.strict_json import unfit_text
from config import settings
from sql import new_id

log = structlog.get_logger("api")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
HTTPS = {"Strict-Transport-Security": "max-age=31536000"}


class WholeRequest(Request):
    """A body of unknown length that reaches the limit is too large; werkzeug would quietly cut it off there."""

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        body = super().get_data(*args, **kwargs)
        limit = self.max_content_length
        if self.content_length is None and limit is not None and len(body) >= limit:
            raise RequestEntityTooLarge
        return body


def init_app(app: Flask) -> None:
    app.request_class = WholeRequest
    app.before_request(_begin)
    app.before_request(_storable_path)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else new_id()
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _storable_path() -> None:
    """What no id can contain is not there."""
    if any(isinstance(value, str) and unfit_text(value) for value in (request.view_args or {}).values()):
        raise NotFound


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
