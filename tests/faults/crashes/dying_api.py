"""The API with two crash points of its own: `api:before_dispatch` and `api:before_answer`.

The order is committed at both. At the first, the flusher does not have its run yet; at the second it does, and only
the client has no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from api.wsgi import app
from engine import crash

POINTS = ("before_dispatch", "before_answer")


def _committed(session: Session) -> None:
    if session.info.get("at_commit"):
        crash.at("before_dispatch", "api")


def _dying(inner: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def outer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = inner(environ, start_response)
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "/api/orders"):
            crash.at("before_answer", "api")
        return answer

    return outer


event.listen(Session, "after_commit", _committed, insert=True)  # before `db._deliver`
app.wsgi_app = _dying(app.wsgi_app)  # type: ignore[method-assign]
