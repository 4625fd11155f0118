"""The one rule that decides who may be sent a topic by a channel; all code that sends messages asks it.

Transactional topics reach every account with an address. Marketing reaches a user who has consented, whose address is
verified (else a stranger could sign them up), and whose address is not suppressed. Ask again in the transaction right
before the hand-over: a late unsubscribe wins (P10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from db.functions import in_list
from db.statements import execute_core
from shop.accounts.users import UserRow
from shop.consent.consents import ConsentRow
from shop.consent.suppressions import SuppressionRow
from shop.consent.topics import Channel, is_marketing


@dataclass(frozen=True)
class Recipient:
    id: str
    email: str
    name: str
    language: str


def may_send(session: Session, user_id: str, topic: str, channel: str = Channel.EMAIL) -> bool:
    return bool(recipients(session, [user_id], topic, channel))


def recipients(
    session: Session, user_ids: Sequence[str], topic: str, channel: str = Channel.EMAIL
) -> dict[str, Recipient]:
    """Filter the users who may be sent `topic` by `channel`, by their ids; one query."""
    user = UserRow
    query = select(user.id, user.email, user.name, user.language).where(in_list(user.id, "users"))
    rows = execute_core(session, query.where(reachable(topic, channel)), {"users": list(user_ids)})
    return {row.id: Recipient(*row) for row in rows}


def reachable(topic: str, channel: str = Channel.EMAIL) -> ColumnElement[bool]:
    """Return the rule as a condition on `users`, for an audience that is itself a query."""
    here = and_(UserRow.deleted_at.is_(None), UserRow.email.is_not(None))
    return and_(here, *_asked_for(topic, channel)) if is_marketing(topic) else here


def _asked_for(topic: str, channel: str) -> tuple[ColumnElement[bool], ...]:
    said, blocked = ConsentRow, SuppressionRow
    theirs = (said.user_id == UserRow.id, said.topic == topic, said.channel == channel, said.granted)
    return (
        UserRow.email_verified_at.is_not(None),
        exists().where(*theirs),
        ~exists().where(blocked.address_hash == UserRow.email_hash),
    )
