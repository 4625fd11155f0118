"""Authentication and roles. A token only names a session; whether it is alive, and the role, is read each time."""

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
"""The most characters that the token of an order or a cart may have."""
GUEST = "guest"
"""What a run records as its starter when the caller has no account; the token of its order names the order."""
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def visitor() -> Holder | None:
    """Return the signed-in account, in a view under one of the decorators below; None for a guest.

    Raises BadToken when the request has a token whose session has ended.
    """
    if "holder" not in g:
        g.holder = _holder(g.claim) if g.get("claim") else None
    holder: Holder | None = g.holder
    return holder


def claim() -> Claim | None:
    """Return the claim of this request's token, None without one.

    Under `maybe_claimed` its session has not been checked: it may have ended.
    """
    said: Claim | None = g.get("claim")
    return said


def caller() -> Holder:
    """Return the signed-in account; raise Unauthenticated (401) for a guest."""
    holder = visitor()
    if holder is None:
        raise Unauthenticated("Sign in first.")
    return holder


def is_staff() -> bool:
    who = visitor()
    return who is not None and who.role in STAFF


def starter() -> str:
    """Return what a run records as its starter: the id of the account, or GUEST."""
    who = visitor()
    return who.id if who else GUEST


def signed_in(view: View) -> View:
    """Require a token whose session is alive; else 401."""
    return _guarded(view, _sign_in)


def maybe_signed_in(view: View) -> View:
    """Admit guests; a request with a token needs a valid one whose session is alive, else 401."""
    return _guarded(view, lambda: visitor() if _read_token() else None, optional=True)


def maybe_claimed(view: View) -> View:
    """Admit guests as `maybe_signed_in` does, for a command that checks the session in its own transaction."""

    @wraps(view)
    def claimed(*args: Any, **kwargs: Any) -> Any:
        _read_token()
        try:
            return view(*args, **kwargs)
        except (Refusal, HTTPException):
            visitor()  # an ended session is the error to report, whatever else is wrong
            raise

    return _guarded(claimed, lambda: None, optional=True)  # type: ignore[return-value]


def roles(*wanted: str) -> Callable[[View], View]:
    """Require one of these roles, as the account has it now: `@roles("staff", "admin")`. Else 401 or 403."""

    return lambda view: _guarded(view, lambda: must_be(*wanted))


def must_be(*wanted: str) -> None:
    """Require one of these roles within a view that admits others as well.

    Raises Unauthenticated without a live session, Forbidden for another role.
    """
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
    """Read the Authorization header; return whether there is one. Raises Unauthenticated or BadToken for a bad one."""
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
