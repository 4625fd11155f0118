"""Links in mails that work once.

They are signed, expire by the database's clock, and are bound to the state that using them changes, so that a second
use is refused.
"""

from __future__ import annotations

from enum import StrEnum

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from db.functions import read_clock
from shop.accounts import users
from shop.accounts.users import UserRow
from shop.kernel import keys
from shop.kernel.errors import NotFound, Refusal
from shop.kernel.keys import Purpose


class Kind(StrEnum):
    VERIFY_EMAIL = "verify_email"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name


GOOD_FOR_SECONDS = {Kind.VERIFY_EMAIL: 3 * 86400, Kind.PASSWORD_RESET: 3600}


class LinkDead(Refusal):
    """The link is forged, used, expired, or its account has changed: the answer is the same."""

    status, code, title = 422, "invalid_link", "This link does not work any more"


def token(session: Session, user: UserRow, kind: Kind) -> str:
    """Make the token of a link. It works for GOOD_FOR_SECONDS, until it is used or the user's address changes."""
    text: str = _signer(kind).dumps([user.id, keys.mark(Purpose.ACCOUNT_LINK, *_state(user, kind)), _seconds(session)])
    return text


def opened(session: Session, text: str, kind: Kind) -> UserRow:
    """Load the user a token was made for. It stays valid until the caller changes the state it is bound to.

    Raises LinkDead.
    """
    try:
        id, bound, made = _signer(kind).loads(text)
        user = users.get(session, id)
    except (BadData, NotFound) as error:
        raise LinkDead from error
    if (
        not keys.is_mark(str(bound), Purpose.ACCOUNT_LINK, *_state(user, kind))
        or _seconds(session) - made > GOOD_FOR_SECONDS[kind]
    ):
        raise LinkDead
    return user


def _signer(kind: Kind) -> URLSafeSerializer:
    return keys.serializer(Purpose.ACCOUNT_LINK, salt=kind)


def _state(user: UserRow, kind: Kind) -> tuple[str, str, str]:
    """List what a token is bound to: the address, and what using the link changes."""
    verified = str(user.email_verified_at) if kind == Kind.VERIFY_EMAIL else user.password_hash
    return kind, user.email or "", verified


def _seconds(session: Session) -> int:
    return int(read_clock(session).timestamp())
