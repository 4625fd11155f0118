"""Who is asking. A token only names a session; whether it lives, and with what role, the database says each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, request
from werkzeug.exceptions import HTTPException

import db
from api.http import access_tokens
from api.http.blueprint import note
from shop.accounts import sessions
from shop.accounts.sessions import Claim, Holder
from shop.kernel.errors import Forbidden, Refusal, Unauthenticated

View = TypeVar("View", bound=Callable[..., Any])

STAFF = ("staff", "admin")
TOKEN_LENGTH = 64
"""Characters that the token of an order or a cart has at most."""
GUEST = "guest"
"""Who started a run without having signed in; whose order it is about, its token says."""
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def visitor() -> Holder | None:
    """Who is signed in, in a view under one of the decorators below; None for a guest."""
    if "holder" not in g:
        g.holder = _holder(g.claim) if g.get("claim") else None
    holder: Holder | None = g.holder
    return holder


def claim() -> Claim | None:
    """What the token of this request says. Under `maybe_claimed` nobody has asked yet whether it is still true."""
    said: Claim | None = g.get("claim")
    return said


def caller() -> Holder:
    """Who is signed in; nobody is a 401."""
    holder = visitor()
    if holder is None:
        raise Unauthenticated("Sign in first.")
    return holder


def is_staff() -> bool:
    who = visitor()
    return who is not None and who.role in STAFF


def starter() -> str:
    """Who asks, as a run remembers who started it."""
    who = visitor()
    return who.id if who else GUEST


def signed_in(view: View) -> View:
    """Only with a token whose session is alive."""
    return _guarded(view, _sign_in)


def maybe_signed_in(view: View) -> View:
    """A guest may come; but whoever shows a token shows a good one."""
    return _guarded(view, lambda: visitor() if _read_token() else None, optional=True)


def maybe_claimed(view: View) -> View:
    """As `maybe_signed_in`, for a command that asks in its own transaction whether the session lives."""

    @wraps(view)
    def claimed(*args: Any, **kwargs: Any) -> Any:
        _read_token()
        try:
            return view(*args, **kwargs)
        except (Refusal, HTTPException):
            visitor()  # whoever has no session any more is told that first, whatever else is wrong
            raise

    return _guarded(claimed, lambda: None, optional=True)  # type: ignore[return-value]


def roles(*wanted: str) -> Callable[[View], View]:
    """Only for these roles, as they are at this moment: `@roles("staff", "admin")`."""

    return lambda view: _guarded(view, lambda: must_be(*wanted))


def must_be(*wanted: str) -> None:
    """The same from within a view that lets others in for less."""
    _sign_in()
    if caller().role not in wanted:
        raise Forbidden("Your account may not do this.")


def _guarded(view: View, demand: Callable[[], Any], *, optional: bool = False) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        demand()
        return view(*args, **kwargs)

    manual = dict(getattr(view, "_apidoc", {}).get("manual_doc", {}))
    manual["security"] = [{}, *BEARER] if optional else BEARER
    return note(guarded, manual_doc=manual)  # type: ignore[return-value]


def _read_token() -> bool:
    """Whether there is one; a bad one is refused."""
    header = request.headers.get("Authorization")
    g.pop("holder", None)
    g.claim = None if header is None else access_tokens.read(header)
    return g.claim is not None


def _sign_in() -> None:
    _read_token()
    caller()


def _holder(claim: Claim) -> Holder:
    with db.reading() as session:
        [holder] = sessions.holders(session, [claim])
    return access_tokens.alive(holder)
