"""Tags of answers. `@conditional`: a client that has the answer already is told so (304) and is not sent it again.

`@if_match`: a client that edits says what it edited from, so that nobody's edit is overwritten unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, request

from api.http.blueprint import note
from shop.kernel.errors import Stale, Unconditional

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


def if_match(*, required: bool) -> Callable[[View], View]:
    """Document that the view takes If-Match; `must_match` or `must_match_if_said` is what honours it."""
    about = "The ETag of what the edit was made from." + (" Without it the answer is 428." if required else "")
    header = {"in": "header", "name": "If-Match", "required": False, "description": about, "schema": {"type": "string"}}

    def documented(view: View) -> View:
        arguments = deepcopy(getattr(view, "_apidoc", {}).get("arguments", {}))
        arguments["parameters"] = [*arguments.get("parameters", []), header]
        return note(view, arguments={"responses": {}, **arguments})

    return documented


def versioned(version: int, body: Any) -> str:
    """A tag that changes with the body, and tells which version of the row it was made from."""
    return f'"{version}.{_digest(current_app.json.dumps(body))}"'


def tag_of(text: str) -> str:
    return f'"{_digest(text)}"'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def must_match(version: int) -> None:
    """Raises Unconditional (428) without If-Match, Stale (412) when it names another version than this."""
    if not request.if_match:
        raise Unconditional("Send If-Match with the ETag that you edit from.")
    must_match_if_said(version)


def must_match_if_said(version: int) -> None:
    """What stands behind the version (how much is in stock, say) is nothing that anybody edits."""
    said = request.if_match
    tags = {str(tag).partition(".")[0] for tag in said.as_set(include_weak=True)}  # of "" werkzeug makes None
    if said and not said.star_tag and str(version) not in tags:
        raise Stale("It was edited in the meantime. Read it again.")
