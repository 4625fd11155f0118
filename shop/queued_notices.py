"""Rows that wait for a run of their own: what each says, as it is true in this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import (
    account_notices,
    failure_notices,
    mail_limits,
    notifications,
    operator_notices,
    order_notices,
    parcel_notices,
    refund_notices,
    return_notices,
)
from shop.account_links import Kind
from shop.notices import Notice
from shop.notifications import OPEN, NotificationRow, State, marked
from shop.topics import Channel
from sql import clock

FACTS: Mapping[str, Callable[[Session, NotificationRow], Notice | None]] = {
    **dict.fromkeys(order_notices.TRUE_WHILE, order_notices.of_row),
    **dict.fromkeys(return_notices.TRUE_WHILE, return_notices.of_row),
    **dict.fromkeys(Kind, account_notices.with_link),
    **dict.fromkeys(account_notices.Changed, account_notices.changed),
    "order_shipped": parcel_notices.of_row,
    failure_notices.KIND: failure_notices.of_row,
    refund_notices.KIND: refund_notices.of_row,
    account_notices.MESSAGE: account_notices.message,
    operator_notices.WEBHOOK_DISABLED: operator_notices.of_row,
}
"""By kind of letter."""


def take(session: Session, ids: Sequence[str]) -> dict[str, Notice]:
    """Those that are to be handed over now, by id. The others get their end here."""
    row = NotificationRow
    rows = session.scalars(select(row).where(row.id.in_(ids), row.state.in_(OPEN)).order_by(row.id)).all()
    mailed = [one.recipient for one in rows if one.channel == Channel.EMAIL and one.kind not in [*Kind]]
    bounced = notifications.bounced(session, mailed) if mailed else set()
    taken = {one.id: _take(session, one, one.recipient in bounced) for one in rows}
    return {id: one for id, one in taken.items() if one}


def notice(session: Session, row: NotificationRow) -> Notice | None:
    """None: it is not true (any more)."""
    found = FACTS[row.kind](session, row)
    return marked(found, row) if found else None


def _take(session: Session, row: NotificationRow, bounced: bool) -> Notice | None:
    taken = None if bounced else notice(session, row)
    if taken and taken.unasked and not (row.attempts or row.asked_by or mail_limits.allows(session, row.recipient)):
        row.state, row.detail, row.updated_at = State.LIMITED, mail_limits.LIMITED, clock()
        session.flush()
        return None
    row.state = State.SUPPRESSED if bounced else State.SENDING if taken else State.OUTDATED
    row.attempts += taken is not None
    row.updated_at = clock()
    session.flush()
    return taken
