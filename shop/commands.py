"""Idempotency keys. The answer to a command is stored in the command's own transaction, or not at all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String, Text, delete, select, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.errors import KeyReused
from sql import At, Base, Document, later, now, upsert

KEEP_HOURS = 24


class CommandRow(Base):
    """One key of one caller, what was asked with it and what was answered."""

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_created_at", "created_at"),)

    scope: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[Document | None]
    created_at: Mapped[At] = mapped_column(default=now())


def claim(session: Session, scope: str, key: str, fingerprint: str) -> CommandRow | None:
    """None: the key is yours, go on. Otherwise what was answered to the same request before.

    Of two at the same instant one waits here until the other has committed.
    """
    values = {"scope": scope, "key": key, "fingerprint": fingerprint}
    statement = upsert(session, CommandRow).values(values).on_conflict_do_nothing(index_elements=["scope", "key"])
    if session.scalar(statement.returning(CommandRow.key)):
        return None
    earlier = session.scalars(select(CommandRow).filter_by(scope=scope, key=key)).one()
    if earlier.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key came before with another request.")
    return earlier


def remember(session: Session, scope: str, key: str, *, status: int, body: str, headers: dict[str, Any]) -> None:
    answer = {"status": status, "body": body, "headers": headers}
    session.execute(update(CommandRow).where(CommandRow.scope == scope, CommandRow.key == key).values(answer))


def forget(session: Session, scope: str) -> None:
    """Everything that was answered to this caller."""
    session.execute(delete(CommandRow).where(CommandRow.scope == scope))


def prune_commands(session: Session, batch: int = 1000) -> int:
    """Forget keys older than a day, one batch. Returns how many that were."""
    old = select(CommandRow.scope, CommandRow.key).where(CommandRow.created_at < later(-KEEP_HOURS * 3600))
    these = tuple_(CommandRow.scope, CommandRow.key).in_(old.limit(batch))
    return session.execute(delete(CommandRow).where(these)).rowcount  # type: ignore[attr-defined, no-any-return]
