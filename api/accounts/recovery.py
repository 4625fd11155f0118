"""Links by mail: reset a lost password, verify an e-mail address."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate

import db
from api.accounts.mail import send_account_mail
from api.accounts.profile import WrongPassword, password, secret
from api.http.blueprint import Blueprint
from api.http.clients import client
from api.http.rate_limits import limit_attempts, limit_mail, limit_own_mail
from api.http.schemas import ACCEPTED, AcceptedSchema, Schema
from api.http.security import caller, maybe_signed_in, visitor
from db.schema import new_id
from shop.accounts import passwords, sessions, signed_links, users
from shop.accounts.signed_links import Kind, LinkDead
from shop.accounts.users import UserRow
from shop.kernel.errors import Unauthenticated
from shop.notices import accounts as account_notices
from shop.notices.accounts import Changed

blp = Blueprint("recovery", __name__, description="Lost passwords and unproven addresses")


def link_token(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, 500), load_only=True, **kwargs)


class ForgottenSchema(Schema):
    email = fields.String(required=True, validate=validate.Length(1, 320))


class ResetSchema(Schema):
    token = link_token(required=True)
    new_password = password()


class VerifySchema(Schema):
    """With the token from the mail, signed in to its account or with its password; or signed in and without a token,
    to get another mail."""

    token = link_token()
    password = secret()


@blp.post("/api/auth/password-reset")
@blp.arguments(ForgottenSchema)
@blp.response(202, AcceptedSchema)
@limit_mail
def request_password_reset(wish: dict[str, Any]) -> dict[str, str]:
    """Request a password reset.

    The same answer, after the same work, whether or not there is such an account; for that reason it shows no job.
    """
    with db.reading() as session:
        user = users.by_email(session, wish["email"])
    with db.transaction() as session:
        send_account_mail(session, user.id if user else new_id(), Kind.PASSWORD_RESET)
    return ACCEPTED


@blp.post("/api/auth/password-reset/confirm")
@blp.arguments(ResetSchema)
@blp.response(204)
@limit_attempts
def reset_password(wish: dict[str, Any]) -> Response:
    """Reset the password.

    Sets the password and ends every session. It verifies the address as well, since the link came to its mailbox.
    """
    with db.reading() as session:
        user = signed_links.opened(session, wish["token"], Kind.PASSWORD_RESET)
    hashed = passwords.hash_password(wish["new_password"], address=client())
    with db.transaction() as session:
        if not users.change_password(session, user.id, old_hash=user.password_hash, new_hash=hashed):
            raise LinkDead
        users.verify_email(session, user.id, user.email or "")
        account_notices.tell_of_change(session, user.id, Changed.PASSWORD, user.email)
        sessions.revoke_all(session, user.id)
    return Response(status=204)


@blp.post("/api/auth/verify-email")
@maybe_signed_in
@blp.arguments(VerifySchema, required=False)
@blp.response(204)
@blp.alt_response(202, schema=AcceptedSchema, success=True)
@limit_own_mail
def verify_email(wish: dict[str, Any]) -> Response | tuple[dict[str, str], int]:
    """Verify an e-mail address.

    Confirm an address with the token from the mail, or ask for that mail again.

    The token alone is not enough: a stranger may have opened the account with the address of the mail's reader.
    """
    if "token" not in wish:
        _send_again()
        return ACCEPTED, 202
    with db.reading() as session:
        user = signed_links.opened(session, wish["token"], Kind.VERIFY_EMAIL)
    _prove(user, wish.get("password"))
    with db.transaction() as session:
        user = signed_links.opened(session, wish["token"], Kind.VERIFY_EMAIL)
        if not users.verify_email(session, user.id, user.email or ""):
            raise LinkDead
    return Response(status=204)


def _prove(user: UserRow, password: str | None) -> None:
    """Check that the caller owns the account, by session or password. Raises Unauthenticated or WrongPassword."""
    who = visitor()
    if password is None and (who is None or who.id != user.id):
        raise Unauthenticated("Sign in to the account that this link is for, or send its password.")
    if password is not None and not passwords.matches(password, user.password_hash, address=client()):
        raise WrongPassword


def _send_again() -> None:
    id = caller().id
    with db.transaction() as session:
        if users.get(session, id).email_verified_at is None:
            send_account_mail(session, id, Kind.VERIFY_EMAIL)
