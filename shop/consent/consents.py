"""Consents of users: to which topic, by which channel, since when and where they were given.

`consents` is what holds now; to `consent_events` rows are only appended, so that a consent can be proven years later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import table_of
from shop.consent.topics import MARKETING, Channel
from shop.kernel.batches import Page, Place, behind, page

Kind = tuple[str, str]
"""Topic and channel."""

MAIL = tuple((topic, Channel.EMAIL) for topic in MARKETING)


class ConsentRow(Base):
    """The last decision of a user on one topic and channel. Without a row there is no consent."""

    __tablename__ = "consents"

    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(40))
    at: Mapped[At] = mapped_column(default=transaction_time())


class ConsentEventRow(Base):
    """One decision of a user; append-only."""

    __tablename__ = "consent_events"

    id: Mapped[Id] = mapped_column(primary_key=True)
    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id"), index=True)
    topic: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(20))
    granted: Mapped[bool]
    source: Mapped[str] = mapped_column(String(40))
    at: Mapped[At] = mapped_column(default=transaction_time())


def granted(session: Session, user_id: str) -> set[Kind]:
    """List the topics and channels that the user consents to."""
    row = ConsentRow
    query = select(row.topic, row.channel).where(row.user_id == user_id, row.granted)
    return {(topic, channel) for topic, channel in session.execute(query)}


def say(session: Session, user_id: str, wishes: Mapping[Kind, bool], source: str) -> None:
    """Record a yes or no for each topic and channel, with its source. One that changes nothing is not recorded."""
    row = ConsentRow
    known = select(row.topic, row.channel, row.granted).where(row.user_id == user_id)
    before = {(topic, channel): was for topic, channel, was in session.execute(known)}
    news = [_row(user_id, kind, wish, source) for kind, wish in sorted(wishes.items()) if before.get(kind) != wish]
    if news:
        _SAY(session, news)
        _NOTE(session, news)


def newest(session: Session, user_id: str, *, limit: int, before: str | None = None) -> list[ConsentEventRow]:
    """List the user's decisions, newest first, beginning below the id `before`."""
    row = ConsentEventRow
    query = select(row).where(row.user_id == user_id).order_by(row.id.desc()).limit(limit)
    return list(session.scalars(query.where(row.id < before) if before else query))


def export_for(session: Session, user_id: str, after: Place | None) -> Page:
    """Export one page of the user's decisions, oldest first."""
    row, names = ConsentEventRow, ("topic", "channel", "granted", "source", "at")
    rows = session.scalars(behind(select(row).where(row.user_id == user_id), (row.at, row.id), after)).all()
    last = (rows[-1].at, rows[-1].id) if rows else None
    return page([{name: getattr(one, name) for name in names} for one in rows], last)


def erase(session: Session, user_id: str) -> None:
    """Delete the user's consents and their history."""
    for row in (ConsentRow, ConsentEventRow):
        session.execute(delete(row).where(row.user_id == user_id))


def _row(user_id: str, kind: Kind, wish: bool, source: str) -> dict[str, Any]:
    topic, channel = kind
    return {"id": new_id(), "user_id": user_id, "topic": topic, "channel": channel, "granted": wish, "source": source}


def _last_word(insert: Any) -> Any:
    """Overwrite the earlier decision on the same topic and channel."""
    said = insert.excluded
    latest = {"granted": said.granted, "source": said.source, "at": statement_time()}
    return insert.on_conflict_do_update(index_elements=["user_id", "topic", "channel"], set_=latest)


_COLUMNS = ("user_id", "topic", "channel", "granted", "source")
_SAY = inserting(table_of(ConsentRow), *_COLUMNS, then=_last_word, at=statement_time())
_NOTE = inserting(table_of(ConsentEventRow), "id", *_COLUMNS, at=statement_time())
