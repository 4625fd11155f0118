"""The live sessions of one user, to be listed and ended one by one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.accounts import sessions
from shop.accounts.sessions import SessionFamilyRow
from shop.kernel.errors import NotFound


def newest(session: Session, user_id: str, *, limit: int, before: str | None = None) -> Sequence[SessionFamilyRow]:
    """List the user's live sessions, newest first, beginning below the id `before`."""
    row = SessionFamilyRow
    query = select(row).where(row.user_id == user_id, *sessions.alive()).order_by(row.id.desc()).limit(limit)
    return session.scalars(query.where(row.id < before) if before else query).all()


def end(session: Session, user_id: str, id: str) -> None:
    """Revoke one session of the user. Raises NotFound, also for a session that has ended."""
    row = SessionFamilyRow
    theirs = select(row.id).where(row.id == id, row.user_id == user_id, *sessions.alive())
    if session.scalar(theirs) is None:
        raise NotFound("There is no such session, or it has ended.")
    sessions.revoke(session, id)
