"""Write and read access tokens. Whether the session of a token is still alive, `security` asks the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token

from config import settings
from config.checks import InsecureSetting
from db.schema import is_id
from shop.accounts.sessions import Claim, Holder, Opened
from shop.kernel import keys
from shop.kernel.errors import Unauthenticated
from shop.kernel.keys import Purpose

NAME = "orderwave"  # issuer and audience
LEEWAY_SECONDS = 900  # how far this machine's clock may be off; the expiry that counts is checked in the database
SHORTEST_SECRET = 32


class BadToken(Unauthenticated):
    """The access token is malformed, wrongly signed or expired, or its session has ended: a 401."""

    code = "invalid_token"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


def init_app(app: Flask) -> None:
    secret = settings().jwt_secret
    if len(secret.encode()) < SHORTEST_SECRET:
        raise InsecureSetting(f"JWT_SECRET must have at least {SHORTEST_SECRET} bytes")
    app.config.update(
        JWT_SECRET_KEY=keys.signing(Purpose.ACCESS_TOKEN),
        JWT_ALGORITHM="HS256",
        JWT_ENCODE_ISSUER=NAME,
        JWT_ENCODE_AUDIENCE=NAME,
    )
    JWTManager(app)


def access_token(opened: Opened) -> str:
    """Sign an access token for a session. It holds the ids of user and session; the role is read at each request."""
    times = {"iat": opened.issued, "nbf": opened.issued, "exp": opened.issued + 60 * settings().access_minutes}
    token: str = create_access_token(identity=opened.user_id, additional_claims={"sid": opened.id, **times})
    return token


def read(header: str | None) -> Claim:
    """Return the claim of the token in this Authorization header, without asking whether its session is alive.

    Raises Unauthenticated when there is no Bearer scheme, BadToken for every other defect: both are a 401.
    """
    kind, *rest = (header or "").split() or [""]
    if kind != "Bearer":
        raise Unauthenticated("Sign in first.")
    return _claim(_decoded(rest[0])) if len(rest) == 1 else _invalid()


def alive(holder: Holder | None) -> Holder:
    """Return the holder that `sessions.holders` found; raise BadToken for None, when the session has ended."""
    if holder is None:
        raise BadToken("The access token has expired or its session ended.")
    return holder


def _decoded(token: str) -> dict[str, Any]:
    """Verify and decode the token with PyJWT directly: flask_jwt_extended would decode it three times."""
    ours: dict[str, Any] = {"audience": NAME, "issuer": NAME, "leeway": LEEWAY_SECONDS}
    try:
        return jwt.decode(token, _key_of(token), algorithms=["HS256"], **ours)
    except jwt.ExpiredSignatureError as error:
        raise BadToken("The access token has expired.") from error
    except (jwt.PyJWTError, RecursionError) as error:
        raise BadToken("The access token is not valid.") from error


def _key_of(token: str) -> bytes:
    """Return the accepted key that signed the token; if none did, the current one, with which decoding then fails."""
    candidates = keys.accepted(Purpose.ACCESS_TOKEN)
    return next((key for key in candidates if _signed(token, key)), candidates[0])


def _signed(token: str, key: bytes) -> bool:
    said, _, signature = token.rpartition(".")
    mac = base64.urlsafe_b64encode(hmac.new(key, said.encode(), hashlib.sha256).digest()).rstrip(b"=")
    return hmac.compare_digest(signature.encode(), mac)


def _claim(told: dict[str, Any]) -> Claim:
    """Check what PyJWT does not require: an expiry, and ids as user and session. Raises BadToken."""
    user, session, end = told.get("sub"), told.get("sid"), told.get("exp")
    if told.get("type", "access") != "access" or type(end) is not int or not 0 < end < 2**37:
        _invalid()
    if not (isinstance(user, str) and isinstance(session, str) and is_id(user) and is_id(session)):
        _invalid()
    return Claim(session, user, datetime.fromtimestamp(end, UTC))


def _invalid() -> NoReturn:
    raise BadToken("The access token is not valid.")
