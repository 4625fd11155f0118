"""Who is asking. A token only names a session; whether it lives, and with what role, the database says each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, request

import db
from api import tokens
from api.blueprint import note
from shop import sessions
from shop.errors import Forbidden, Unauthenticated
from shop.sessions import Holder

View = TypeVar("View", bound=Callable[..., Any])

BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def visitor() -> Holder | None:
    """Who is signed in, in a view under one of the decorators below; None for a guest."""
    holder: Holder | None = g.get("holder")
    return holder


def caller() -> Holder:
    """Who is signed in; nobody is a 401."""
    holder = visitor()
    if holder is None:
        raise Unauthenticated("Sign in first.")
    return holder


def signed_in(view: View) -> View:
    """Only with a token whose session is alive."""
    return _guarded(view, _sign_in)


def maybe_signed_in(view: View) -> View:
    """A guest may come; but whoever shows a token shows a good one."""
    return _guarded(view, lambda: _sign_in() if "Authorization" in request.headers else None, optional=True)


def roles(*wanted: str) -> Callable[[View], View]:
    """Only for these roles, as they are at this moment: `@roles("staff", "admin")`."""

    def demand() -> None:
        _sign_in()
        if caller().role not in wanted:
            raise Forbidden("Your account may not do this.")

    return lambda view: _guarded(view, demand)


def _guarded(view: View, demand: Callable[[], Any], *, optional: bool = False) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        demand()
        return view(*args, **kwargs)

    manual = dict(getattr(view, "_apidoc", {}).get("manual_doc", {}))
    manual["security"] = [{}, *BEARER] if optional else BEARER
    return note(guarded, manual_doc=manual)  # type: ignore[return-value]


def _sign_in() -> None:
    claims = tokens.read(request.headers.get("Authorization"))
    with db.reading() as session:
        g.holder = sessions.holder(session, claims.session, claims.user, claims.until)
    if g.holder is None:
        raise tokens.BadToken("The access token has expired or its session ended.")
