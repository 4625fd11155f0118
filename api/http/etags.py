"""ETags. `@conditional`: a client that has the current answer already gets a 304 without a body.

`@if_match`: an edit names the version it was made from, so that it does not overwrite another edit unseen.
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
    """Answer If-None-Match with 304; decorate above `@blp.response`. The tag is the view's ETag or made from the body.

    An answer of the view without Cache-Control gets `private, no-cache`.
    """

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
    """Document that the view takes If-Match; `must_match` or `must_match_if_said` honours it."""
    about = "The ETag of what the edit was made from." + (" Without it the answer is 428." if required else "")
    header = {"in": "header", "name": "If-Match", "required": False, "description": about, "schema": {"type": "string"}}

    def documented(view: View) -> View:
        arguments = deepcopy(getattr(view, "_apidoc", {}).get("arguments", {}))
        arguments["parameters"] = [*arguments.get("parameters", []), header]
        return note(view, arguments={"responses": {}, **arguments})

    return documented


def versioned(version: int, body: Any) -> str:
    """Return an ETag of the row's version and the body: it changes with either; If-Match compares only the version."""
    return f'"{version}.{_digest(current_app.json.dumps(body))}"'


def tag_of(text: str) -> str:
    """Return an ETag that changes with the text."""
    return f'"{_digest(text)}"'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def must_match(version: int) -> None:
    """Compare If-Match with the current version: raises Unconditional (428) without one, Stale (412) if it differs."""
    if not request.if_match:
        raise Unconditional("Send If-Match with the ETag that you edit from.")
    must_match_if_said(version)


def must_match_if_said(version: int) -> None:
    """Raise Stale (412) when there is an If-Match that names another version than this.

    Only the version in the tag counts: the rest changes with what is not edited, such as the units in stock.
    """
    said = request.if_match
    tags = {str(tag).partition(".")[0] for tag in said.as_set(include_weak=True)}  # werkzeug turns "" into None
    if said and not said.star_tag and str(version) not in tags:
        raise Stale("It was edited in the meantime. Read it again.")
