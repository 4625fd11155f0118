"""Log in, refresh tokens, log out, change the password."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import fields, validate
from sqlalchemy.orm import Session

import db
from api.accounts.profile import LoginSchema, TokensSchema, password, secret, tokens
from api.http.blueprint import Blueprint
from api.http.clients import client
from api.http.rate_limits import limit_login, limit_password
from api.http.schemas import Schema
from api.http.security import caller, signed_in
from shop.accounts import passwords, sessions, users
from shop.accounts.sessions import Opened
from shop.kernel.errors import Unauthenticated
from shop.notices import accounts as account_notices
from shop.notices.accounts import Changed

blp = Blueprint("auth", __name__, description="Signing in and out")


class InvalidCredentials(Unauthenticated):
    """Wrong address or password; the answer does not show whether there is such an account."""

    code, title = "invalid_credentials", "Wrong e-mail address or password"


class SessionRevoked(Unauthenticated):
    code, title = "session_revoked", "This session has ended"


class RefreshSchema(Schema):
    refresh_token = fields.String(required=True, validate=validate.Length(1, 200))


class NewPasswordSchema(Schema):
    current_password = secret(required=True)
    new_password = password()


@blp.post("/api/auth/login")
@blp.arguments(LoginSchema)
@blp.response(200, TokensSchema)
@limit_login
def sign_in(wish: dict[str, Any]) -> dict[str, Any]:
    """Sign in."""
    with db.reading() as session:
        user = users.by_email(session, wish["email"])
    if not passwords.matches(wish["password"], user.password_hash if user else None, address=client()) or not user:
        raise InvalidCredentials
    with db.transaction() as session:
        opened = sessions.open_session(session, user.id, user.password_hash, _device())
    return tokens(opened)


@blp.post("/api/auth/refresh")
@blp.arguments(RefreshSchema)
@blp.response(200, TokensSchema)
def refresh_tokens(wish: dict[str, Any]) -> dict[str, Any]:
    """Exchange a refresh token for new tokens.

    Each refresh token works once. One that is sent again later ends its session, for thief and owner alike.
    """
    opened = db.in_transaction(lambda session: _rotated(session, wish["refresh_token"]))
    if opened is None:
        raise SessionRevoked("This refresh token was used before. The session has ended; sign in again.")
    return tokens(opened)


def _rotated(session: Session, token: str) -> Opened | None:
    opened = sessions.rotate(session, token)
    if opened is None and (id := sessions.owner(session, token)):
        _tell(session, id, Changed.SESSION)
    return opened


def _tell(session: Session, id: str, kind: Changed) -> None:
    """Notify the user of a change, by mail only to a verified address: another may be a stranger's."""
    user = users.get(session, id)
    account_notices.tell_of_change(session, id, kind, user.email if user.email_verified_at else None)


@blp.post("/api/auth/logout")
@signed_in
@blp.response(204)
def sign_out() -> Response:
    """Sign out."""
    with db.transaction() as session:
        sessions.revoke(session, caller().session)
    return Response(status=204)


@blp.post("/api/auth/logout-all")
@signed_in
@blp.response(204)
def sign_out_everywhere() -> Response:
    """Sign out everywhere."""
    with db.transaction() as session:
        sessions.revoke_all(session, caller().id)
    return Response(status=204)


@blp.post("/api/auth/password")
@signed_in
@blp.arguments(NewPasswordSchema)
@blp.response(200, TokensSchema)
@limit_password
def change_password(wish: dict[str, Any]) -> dict[str, Any]:
    """Change the password.

    Every session ends, this one too; the answer opens a new one.
    """
    id = caller().id
    with db.reading() as session:
        old = users.get(session, id).password_hash
    if not passwords.matches(wish["current_password"], old, address=client()):
        raise InvalidCredentials("The current password is not right.")
    return tokens(_changed(id, old, passwords.hash_password(wish["new_password"], address=client())))


def _changed(id: str, old: str, new: str) -> Opened:
    with db.transaction() as session:
        if not users.change_password(session, id, old_hash=old, new_hash=new):
            raise InvalidCredentials("The password has changed in the meantime.")
        sessions.revoke_all(session, id)
        _tell(session, id, Changed.PASSWORD)
        return sessions.open_session(session, id, new, _device())


def _device() -> str | None:
    """Return the client's User-Agent without unprintable characters, cut to 200; None if it sent none."""
    said = "".join(letter for letter in request.user_agent.string if letter.isprintable())
    return said[:200] or None
