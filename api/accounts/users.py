"""Accounts: register, read, update, export, delete."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

import db
from api.accounts import personal_export
from api.accounts.mail import send_account_mail
from api.accounts.profile import ChangeSchema, RegisterSchema, UserSchema, WrongPassword
from api.http.blueprint import Blueprint
from api.http.clients import client
from api.http.commands import Answer, run_command
from api.http.fields import QueryBoolean
from api.http.languages import asked
from api.http.rate_limits import limit_password, limit_registration
from api.http.schemas import Schema
from api.http.security import caller, signed_in
from shop.accounts import passwords, users
from shop.accounts.signed_links import Kind
from shop.kernel.errors import Refusal
from shop.notices import accounts as account_notices
from shop.notices.accounts import Changed
from shop.pricing import coupon_redemptions
from shop.privacy import order_anonymisation, personal_data
from shop.wallets import wallets

MOST_ORDERS = 200  # orders anonymised at once; a periodic task does the others

blp = Blueprint("users", __name__, description="Accounts")


class WalletNotEmpty(Refusal):
    code, title = "wallet_not_empty", "There is store credit left"


class LeaveQuery(Schema):
    forfeit_credit = QueryBoolean(load_default=False, metadata={"description": "give up store credit that is left"})


@blp.post("/api/users")
@blp.arguments(RegisterSchema)
@blp.response(201, UserSchema)
@blp.idempotent
@limit_registration
def register(wish: dict[str, Any]) -> Response:
    """Register an account.

    Open an account. A mail asks to confirm the address, in the language of `Accept-Language` (en, de).
    """
    hashed = passwords.hash_password(wish["password"], address=client())

    def work(session: Session) -> Answer:
        who = {"email": wish["email"], "name": wish["name"], "language": asked()}
        user = users.register(session, **who, password_hash=hashed)
        send_account_mail(session, user.id, Kind.VERIFY_EMAIL)
        return UserSchema().dump(user), 201, {"Location": "/api/users/me"}

    return run_command(work)


@blp.get("/api/users/me")
@signed_in
@blp.response(200, UserSchema)
def get_own_account() -> users.UserRow:
    """Get your account."""
    with db.reading() as session:
        return users.get(session, caller().id)


@blp.patch("/api/users/me")
@signed_in
@blp.arguments(ChangeSchema)
@blp.response(200, UserSchema)
@blp.idempotent
@limit_password
def update_own_account(wish: dict[str, Any]) -> Response:
    """Update your account.

    Another name, language or e-mail address: that one needs the current password too.
    """
    id = caller().id
    if "email" in wish:
        _must_know_password(id, wish.get("current_password", ""))

    def work(session: Session) -> Answer:
        if "name" in wish:
            users.rename(session, id, wish["name"])
        if "language" in wish:
            users.change_language(session, id, wish["language"])
        if "email" in wish:
            _move(session, id, wish["email"])
        session.flush()
        return UserSchema().dump(users.get(session, id)), 200, {}

    return run_command(work)


def _move(session: Session, id: str, email: str) -> None:
    """Change the e-mail address and mail the new one a link to verify it.

    The old one is notified and still counts for the limits of coupons, if it was verified: another may be a stranger's.
    """
    before = users.get(session, id)
    old = before.email if before.email_verified_at else None
    if users.change_email(session, id, email):
        send_account_mail(session, id, Kind.VERIFY_EMAIL)
        account_notices.tell_of_change(session, id, Changed.EMAIL, old)
        if old:
            coupon_redemptions.keep(session, id, old)


@blp.delete("/api/users/me")
@signed_in
@blp.arguments(LeaveQuery, location="query")
@blp.response(204)
def delete_own_account(query: dict[str, Any]) -> Response:
    """Delete your account.

    Everything that says who you are is deleted, and every session ends. There is no way back.

    Orders under way keep what they need until they are over; then they are anonymised. With store credit left it is a
    409 `wallet_not_empty`, unless `forfeit_credit` gives it up.
    """
    with db.transaction() as session:
        id = caller().id
        _give_up_credit(session, id, wanted=query["forfeit_credit"])
        personal_data.forget(session, id)
        order_anonymisation.forget(session, order_anonymisation.due(session, customer_id=id, limit=MOST_ORDERS))
    return Response(status=204)


@blp.get("/api/users/me/export")
@signed_in
@blp.response(200, content_type="application/json", description="All that the shop knows of you")
def export_own_account() -> Response:
    """Export your data."""
    return personal_export.answer(caller().id)


def _give_up_credit(session: Session, id: str, *, wanted: bool) -> None:
    users.hold(session, id)  # under this lock no credit is added any more
    if not wanted and any(row.balance for row in wallets.balances(session, id)):
        raise WalletNotEmpty("Use it, have it paid out, or say forfeit_credit=true.")
    wallets.forfeit(session, id)


def _must_know_password(id: str, password: str) -> None:
    with db.reading() as session:
        hashed = users.get(session, id).password_hash
    if not passwords.matches(password, hashed, address=client()):
        raise WrongPassword("The current password is needed for this, and that is not it.")
