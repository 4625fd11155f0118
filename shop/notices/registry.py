"""The content of enqueued notifications, as it holds at the moment they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.functions import statement_time
from shop.accounts.signed_links import Kind
from shop.consent import mail_limits
from shop.consent.topics import Channel
from shop.notices import accounts as account_notices
from shop.notices import failures
from shop.notices import orders as order_notices
from shop.notices import parcels as parcel_notices
from shop.notices import refunds as refund_notices
from shop.notices import returns as return_notices
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import OPEN, NotificationRow, State, marked
from shop.webhooks import admin_notices

FACTS: Mapping[str, Callable[[Session, NotificationRow], Notice | None]] = {
    **dict.fromkeys(order_notices.TRUE_WHILE, order_notices.of_row),
    **dict.fromkeys(return_notices.TRUE_WHILE, return_notices.of_row),
    **dict.fromkeys(Kind, account_notices.with_link),
    **dict.fromkeys(account_notices.Changed, account_notices.changed),
    "order_shipped": parcel_notices.of_row,
    failures.KIND: failures.of_row,
    refund_notices.KIND: refund_notices.of_row,
    account_notices.MESSAGE: account_notices.message,
    admin_notices.WEBHOOK_DISABLED: admin_notices.of_row,
}
"""By kind of letter: builds the notice of a row. None when its message does not hold any more."""


def take(session: Session, ids: Sequence[str]) -> dict[str, Notice]:
    """Take the open notifications that are to be sent now. Returns their notices, by id.

    The others end here: SUPPRESSED after a bounce, LIMITED, or OUTDATED when their message does not hold any more.
    """
    row = NotificationRow
    rows = session.scalars(select(row).where(row.id.in_(ids), row.state.in_(OPEN)).order_by(row.id)).all()
    mailed = [one.recipient for one in rows if one.channel == Channel.EMAIL and one.kind not in [*Kind]]
    bounced = outbox.bounced(session, mailed) if mailed else set()
    taken = {one.id: _take(session, one, one.recipient in bounced) for one in rows}
    return {id: one for id, one in taken.items() if one}


def notice(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row. None: its message does not hold any more."""
    found = FACTS[row.kind](session, row)
    return marked(found, row) if found else None


def _take(session: Session, row: NotificationRow, bounced: bool) -> Notice | None:
    taken = None if bounced else notice(session, row)
    if taken and taken.unasked and not (row.attempts or row.asked_by or mail_limits.allows(session, row.recipient)):
        row.state, row.detail, row.updated_at = State.LIMITED, mail_limits.LIMITED, statement_time()
        session.flush()
        return None
    row.state = State.SUPPRESSED if bounced else State.SENDING if taken else State.OUTDATED
    row.attempts += taken is not None
    row.updated_at = statement_time()
    session.flush()
    return taken
