"""Responses whose body is dumped already, so that no schema walks it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    answer = Response(current_app.json.dumps(body), status, mimetype="application/json")
    answer.headers.update(headers or {})
    return answer
