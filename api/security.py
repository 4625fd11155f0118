"""Who is asking. A token only names a session; whether it lives, and with what role, the database says each time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, Response, g, request
from flask_jwt_extended import JWTManager, create_access_token, get_current_user, verify_jwt_in_request

import db
from api.blueprint import note
from api.problems import problem
from config import InsecureSetting, settings
from shop import sessions
from shop.errors import Forbidden, Unauthenticated
from shop.sessions import Holder, Opened

View = TypeVar("View", bound=Callable[..., Any])

NAME = "orderwave"  # issuer and audience
LEEWAY_SECONDS = 900  # of this machine's clock; what counts is the database's, asked by `_holder`
SHORTEST_SECRET = 32
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def init_app(app: Flask) -> None:
    secret = settings().jwt_secret
    if len(secret.encode()) < SHORTEST_SECRET:
        raise InsecureSetting(f"JWT_SECRET must have at least {SHORTEST_SECRET} bytes")
    app.config.update(
        JWT_SECRET_KEY=secret,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_ENCODE_ISSUER=NAME,
        JWT_DECODE_ISSUER=NAME,
        JWT_ENCODE_AUDIENCE=NAME,
        JWT_DECODE_AUDIENCE=NAME,
        JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
        JWT_TOKEN_LOCATION=["headers"],
    )
    _answers(JWTManager(app))


def access_token(opened: Opened) -> str:
    """It names the user and the session, and says nothing of roles."""
    times = {"iat": opened.issued, "nbf": opened.issued, "exp": opened.issued + 60 * settings().access_minutes}
    token: str = create_access_token(identity=opened.user_id, additional_claims={"sid": opened.id, **times})
    return token


def visitor() -> Holder | None:
    """Who is signed in, in a view under one of the decorators below; None for a guest."""
    holder: Holder | None = get_current_user() if _checked() else None
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
    verify_jwt_in_request()


def _checked() -> bool:
    return "_jwt_extended_jwt_user" in g


def _answers(jwt: JWTManager) -> None:
    """Every way in which a token can be wrong is a 401 (facts 20)."""
    jwt.user_lookup_loader(_holder)
    jwt.token_verification_loader(lambda header, claims: _complete(claims))
    jwt.invalid_token_loader(lambda reason: _refuse("The access token is not valid."))
    jwt.expired_token_loader(lambda header, claims: _refuse("The access token has expired."))
    jwt.token_verification_failed_loader(lambda header, claims: _refuse("The access token is not valid."))
    jwt.user_lookup_error_loader(lambda header, claims: _refuse("The access token has expired or its session ended."))
    jwt.unauthorized_loader(_missing)


def _holder(_: dict[str, Any], claims: dict[str, Any]) -> Holder | None:
    until = datetime.fromtimestamp(claims["exp"], UTC)
    with db.reading() as session:
        return sessions.holder(session, claims["sid"], claims["sub"], until)


def _complete(claims: dict[str, Any]) -> bool:
    """What the library would do without: an end, and a user and a session that are ids."""
    try:
        return 0 < claims["exp"] < 2**40 and all(str(UUID(claims[name])) == claims[name] for name in ("sub", "sid"))
    except (KeyError, ValueError, TypeError, AttributeError):
        return False


def _missing(_: str) -> Response:
    return problem(401, "unauthenticated", "Authentication needed", "Sign in first.", {"WWW-Authenticate": "Bearer"})


def _refuse(detail: str) -> Response:
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem(401, "invalid_token", "Authentication needed", detail, headers)
