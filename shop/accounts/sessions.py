"""Sessions: one family of refresh tokens for each login. Nothing stored here can be used to sign in.

A refresh token is `family.generation.mac`. The mac needs the server's secret and the family's own salt, so that
neither the database nor the secret alone makes one. The generation tells a fresh token from a used one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, String, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import settings
from db.functions import age, in_list, in_seconds, read_clock, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import execute_core
from shop.accounts.users import UserRow
from shop.kernel import keys
from shop.kernel.batches import Page, Place, behind, page
from shop.kernel.errors import Unauthenticated
from shop.kernel.keys import Purpose

GRACE_SECONDS = 10  # a client that lost the answer asks again with the same token and gets the same successor
KEEP_DEAD_DAYS = 7


class SessionFamilyRow(Base):
    """One login on one device."""

    __tablename__ = "session_families"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    salt: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[At] = mapped_column(default=transaction_time())
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    expires_at: Mapped[At] = mapped_column(index=True)
    revoked_at: Mapped[At | None]
    device: Mapped[str | None] = mapped_column(String(200))  # the client's name for itself; emptied on revocation


@dataclass(frozen=True)
class Opened:
    """A session that was opened or rotated: the content of an access token, and the refresh token to hand out."""

    id: str
    user_id: str
    refresh_token: str
    issued: int  # seconds since 1970, by the database's clock


class Claim(NamedTuple):
    """The content of an access token: its session, its user, and when it expires."""

    session: str
    user: str
    until: datetime


@dataclass(frozen=True)
class Holder:
    """The user of a live session, with the role they have now."""

    id: str
    role: str
    session: str
    email: str


def open_session(session: Session, user_id: str, password_hash: str, device: str | None = None) -> Opened:
    """Open a session after a successful password check against `password_hash`. Locks the user row.

    Raises Unauthenticated if the password has changed since that check.
    """
    current = session.scalar(select(UserRow.password_hash).where(UserRow.id == user_id).with_for_update())
    if not current or current != password_hash:
        raise Unauthenticated("The password has changed in the meantime. Sign in again.")
    salt = secrets.token_urlsafe(16)
    row = SessionFamilyRow(id=new_id(), user_id=user_id, salt=salt, expires_at=_expiry(), device=device)
    session.add(row)
    session.flush()
    return Opened(row.id, user_id, _token(row.id, 0, row.salt), _seconds(session))


def rotate(session: Session, token: str) -> Opened | None:
    """Exchange a refresh token for its successor; again within GRACE_SECONDS it returns the same one.

    Returns None when a used token was shown again: its session is then revoked, so commit. Raises Unauthenticated for
    what is no token or belongs to a dead session; that changes nothing.
    """
    id, generation = _read(token)
    row = session.scalar(select(SessionFamilyRow).filter_by(id=id).with_for_update())
    if not row or not _is_token(token, id, generation, row.salt):
        raise Unauthenticated("This refresh token is not valid.")
    if not session.scalar(select(SessionFamilyRow.id).where(SessionFamilyRow.id == id, *alive())):
        raise Unauthenticated("This session has ended. Sign in again.")
    if generation == row.generation:
        row.generation, row.rotated_at, row.expires_at = generation + 1, transaction_time(), _expiry()
    elif generation + 1 != row.generation or not _just_rotated(session, id):
        revoke(session, id)
        return None
    return Opened(id, row.user_id, _token(id, generation + 1, row.salt), _seconds(session))


def owner(session: Session, token: str) -> str | None:
    """Return the user id of a refresh token's session, None if it is gone. Does not check the signature."""
    return session.scalar(select(SessionFamilyRow.user_id).where(SessionFamilyRow.id == _read(token)[0]))


def holders(session: Session, claims: Sequence[Claim]) -> list[Holder | None]:
    """Load the holder of each access token, in one query. None: it has expired, or its session or user is gone."""
    found = {row.family: row for row in execute_core(session, ALIVE, {"families": [claim.session for claim in claims]})}
    return [holder(claim, found.get(claim.session)) for claim in claims]


def revoke(session: Session, id: str) -> None:
    _revoke(session, SessionFamilyRow.id == id)


def revoke_all(session: Session, user_id: str) -> None:
    _revoke(session, SessionFamilyRow.user_id == user_id)


def alive() -> tuple[ColumnElement[bool], ...]:
    return SessionFamilyRow.revoked_at.is_(None), SessionFamilyRow.expires_at > transaction_time()


def export_for(session: Session, user_id: str, after: Place | None) -> Page:
    """Export one page of the user's sessions: when they signed in, and with which device."""
    row = SessionFamilyRow
    query = select(row.created_at, row.expires_at, row.device, row.id).where(row.user_id == user_id)
    rows = session.execute(behind(query, (row.created_at, row.id), after)).all()
    last = (rows[-1].created_at, rows[-1].id) if rows else None
    return page([dict(zip(row._fields[:3], row[:3], strict=True)) for row in rows], last)


def prune_sessions(session: Session, batch: int = 1000) -> int:
    """Delete one batch of sessions that ended more than KEEP_DEAD_DAYS ago. Returns how many were deleted."""
    long_ago = in_seconds(-KEEP_DEAD_DAYS * 86400)
    dead = or_(SessionFamilyRow.expires_at < long_ago, SessionFamilyRow.revoked_at < long_ago)
    these = select(SessionFamilyRow.id).where(dead).limit(batch)
    done = session.execute(delete(SessionFamilyRow).where(SessionFamilyRow.id.in_(these)))
    return done.rowcount  # type: ignore[attr-defined, no-any-return]


ALIVE = (
    select(SessionFamilyRow.id.label("family"), UserRow.id, UserRow.role, UserRow.email, transaction_time().label("at"))
    .join(SessionFamilyRow, SessionFamilyRow.user_id == UserRow.id)
    .where(in_list(SessionFamilyRow.id, "families"), UserRow.deleted_at.is_(None), *alive())
)


def holder(claim: Claim, row: Any) -> Holder | None:
    """Make the Holder of `claim` from its row of `ALIVE`. None: there is no row, or the token has expired."""
    good = row is not None and row.id == claim.user and row.at < claim.until
    return Holder(row.id, row.role, claim.session, row.email) if good else None


def _seconds(session: Session) -> int:
    return int(read_clock(session).timestamp())


def _expiry() -> in_seconds:
    return in_seconds(settings().refresh_days * 86400)


def _just_rotated(session: Session, id: str) -> bool:
    seconds = session.scalar(select(age(SessionFamilyRow.rotated_at)).where(SessionFamilyRow.id == id))
    return seconds is not None and seconds <= GRACE_SECONDS


def _revoke(session: Session, which: ColumnElement[bool]) -> None:
    alive = SessionFamilyRow.revoked_at.is_(None)
    session.execute(update(SessionFamilyRow).where(which, alive).values(revoked_at=transaction_time(), device=None))


def _is_token(token: str, id: str, generation: int, salt: str) -> bool:
    """Compare `token`, in constant time, with the token under each accepted key."""
    ours = [_token(id, generation, salt, key) for key in keys.accepted(Purpose.REFRESH_TOKEN)]
    return any(hmac.compare_digest(token, one) for one in ours)


def _token(id: str, generation: int, salt: str, key: bytes | None = None) -> str:
    said = f"{id}.{generation}"
    signing = key or keys.signing(Purpose.REFRESH_TOKEN)
    mac = hmac.new(signing, f"refresh.{said}.{salt}".encode(), hashlib.sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _read(token: str) -> tuple[str, int]:
    try:
        id, generation, _ = token.encode("ascii").decode().split(".")
        return str(UUID(id)), int(generation)
    except ValueError as error:
        raise Unauthenticated("This refresh token is not valid.") from error
