"""`@conditional`: a client that has the answer already is told so (304) and is not sent it again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request

from api.blueprint import note

View = TypeVar("View", bound=Callable[..., Any])


def conditional(view: View) -> View:
    """Above `@blp.response`. The tag is the view's own ETag, or made from the body."""

    @wraps(view)
    def tagged(*args: Any, **kwargs: Any) -> Response:
        answer: Response = view(*args, **kwargs)
        if answer.status_code == 200:
            answer.add_etag()
            answer.headers.setdefault("Cache-Control", "private, no-cache")
            answer.make_conditional(request)
        return answer

    return note(tagged, etag=True)  # type: ignore[return-value]
