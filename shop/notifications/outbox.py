"""The outbox: one row for each event, recipient and channel. Its unique key keeps a message from being sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

import engine
from db.bulk import Many, inserting
from db.functions import age, statement_time, transaction_time
from db.schema import DOCUMENT, At, Base, Document, Id, new_id
from db.statements import execute_core, table_of, upsert
from shop.accounts import email_addresses, users
from shop.consent import mail_limits, suppressions
from shop.consent.suppressions import Reason
from shop.consent.topics import Channel
from shop.kernel import keys
from shop.kernel.errors import NotFound
from shop.notifications.notice import Notice

KEEP_DAYS = 400
ENOUGH = 500  # rows to look at, or to delete, in one transaction


class State(StrEnum):
    QUEUED = "queued"  # a run of its own will send it
    SENDING = "sending"  # handed over, or about to be
    SENT = "sent"
    REFUSED = "refused"  # by the recipient's mail server, or no gateway serves this channel
    SUPPRESSED = "suppressed"  # the address has bounced before
    OUTDATED = "outdated"  # what it says no longer held when its turn came
    LIMITED = "limited"  # the mailbox has reached MAIL_LIMIT of mails it did not ask for
    FAILED = "failed"  # no gateway took it while it made sense


OPEN = (State.QUEUED, State.SENDING)


class NotificationRow(Base):
    """One message. `event`: the kind of letter and, where a subject may get several of it, a turn: `kind:turn`."""

    __tablename__ = "notifications"
    __table_args__ = (Index("uq_notifications_event", "event", "subject_id", "recipient", "channel", unique=True),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[Id] = mapped_column(index=True)  # the order, return, account or endpoint it is about
    recipient: Mapped[str] = mapped_column(String(254))
    channel: Mapped[str] = mapped_column(String(20), default=Channel.EMAIL)
    state: Mapped[str] = mapped_column(String(20), default=State.SENDING)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    detail: Mapped[str | None] = mapped_column(String(500))  # the provider's last answer, or why it was not sent
    about: Mapped[Id | None]  # the parcel, refund or endpoint that it mentions
    content: Mapped[Document | None] = mapped_column(DOCUMENT)  # what staff wrote
    asked_by: Mapped[Id | None]  # the staff user who had it sent
    resend_of: Mapped[Id | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())

    @property
    def kind(self) -> str:
        """Return the name of its letter."""
        return self.event.partition(":")[0]


@dataclass(frozen=True)
class NotificationRequest:
    """A request to notify a recipient. `turn`: an id that makes it another event than the last of this kind."""

    kind: str
    subject_id: str
    recipient: str
    turn: str | None = None
    about: str | None = None
    channel: str = Channel.EMAIL
    unasked: bool = False  # see mail_limits.py

    @property
    def event(self) -> str:
        return f"{self.kind}:{self.turn}" if self.turn else self.kind

    @property
    def key(self) -> dict[str, str]:
        named = {"event": self.event, "subject_id": self.subject_id, "recipient": self.recipient}
        return {**named, "channel": self.channel}


def marked(notice: Notice, told: NotificationRequest | NotificationRow) -> Notice:
    """Add the mark by which a recipient's mail program knows a second copy. It reveals nothing of the message."""
    return replace(notice, mark=keys.message(told.event, told.subject_id, told.recipient, told.channel))


@dataclass(frozen=True)
class DeliveryResult:
    """The outcome of one hand-over. `bounced`: the mail server knows no such mailbox."""

    id: str
    recipient: str
    state: str
    detail: str | None = None
    bounced: bool = False


SEND, REMIND = engine.Named("send_notification"), engine.Named("remind_of_payment")

_NOTICE = table_of(NotificationRow)
_KEY = ("event", "subject_id", "recipient", "channel")


def enqueue(session: Session, telling: NotificationRequest, *, later: bool = False, **more: Any) -> str | None:
    """Enqueue a notification, to be sent by a run of its own. `more`: further columns of the row.

    Returns its id, or None when this event is enqueued or sent already. `later`: the run waits PAYMENT_REMINDER_SECONDS
    and then sends it only if it still holds.
    """
    values = {"id": new_id(), "about": telling.about, "state": State.QUEUED, **telling.key, **more}
    insert = upsert(session, _NOTICE).values(created_at=statement_time(), updated_at=statement_time(), **values)
    once = insert.on_conflict_do_nothing(index_elements=_KEY).returning(_NOTICE.c.id)
    id: str | None = execute_core(session, once).scalar()
    if id:
        engine.start(session, REMIND if later else SEND, key=id, subject=("notification", id))
    return id


def note(
    session: Session, tellings: Sequence[NotificationRequest], *, solicited: bool = False
) -> dict[NotificationRequest, str]:
    """Record notifications that the calling run is about to send. Returns the ids of their rows.

    Leaves out those that have an end already, those to bounced addresses unless `solicited` by the recipient, and those
    above MAIL_LIMIT. Safe to repeat: an open one is returned again.
    """
    if not tellings:
        return {}
    known = {(one.event, one.subject_id): one for one in tellings}
    blocked = set() if solicited else bounced(session, [one.recipient for one in tellings])
    rows = [{"id": new_id(), "about": one.about, **one.key, **_begun(one.recipient in blocked)} for one in tellings]
    written = _BEGIN(session, rows).all()
    begun = [(known[event, subject], id) for event, subject, id, state in written if state == State.SENDING]
    return _within_limits(session, begun, {str(row["id"]) for row in rows})


def _within_limits(
    session: Session, begun: Sequence[tuple[NotificationRequest, str]], fresh: set[str]
) -> dict[NotificationRequest, str]:
    """Drop those above the mailbox's limit. Each is counted once, however often it is tried."""
    counted = sorted((one.recipient, id) for one, id in begun if one.unasked and id in fresh)
    over = [id for recipient, id in counted if not mail_limits.allows(session, recipient)]
    for id in over:
        limit(session, id)
    return {one: id for one, id in begun if id not in over}


def limit(session: Session, id: str) -> None:
    """End a notification as LIMITED: its mailbox has reached MAIL_LIMIT."""
    ended = {"state": State.LIMITED, "detail": mail_limits.LIMITED, "attempts": 0, "updated_at": statement_time()}
    execute_core(session, update(_NOTICE).where(_NOTICE.c.id == id).values(ended))


def bounced(session: Session, recipients: Sequence[str]) -> set[str]:
    """Filter the recipients whose mail server has said that there is no such mailbox."""
    hashes = {one: email_addresses.hashed(users.normal(one)) for one in recipients}
    blocked = suppressions.among_them(session, list(hashes.values()), Reason.BOUNCE)
    return {one for one, hashed in hashes.items() if hashed in blocked}


def _begun(blocked: bool) -> dict[str, Any]:
    return {"state": State.SUPPRESSED, "attempts": 0} if blocked else {"state": State.SENDING, "attempts": 1}


def _unless_told(insert: Any) -> Any:
    """Return the rows that are new or still open, and none that has an end."""
    again = insert.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "state": insert.excluded.state,
            "attempts": _NOTICE.c.attempts + insert.excluded.attempts,
            "updated_at": statement_time(),
        },
        where=_NOTICE.c.state.in_(OPEN),
    )
    return again.returning(_NOTICE.c.event, _NOTICE.c.subject_id, _NOTICE.c.id, _NOTICE.c.state)


_BEGIN = inserting(
    _NOTICE,
    *("id", *_KEY, "about", "state", "attempts"),
    then=_unless_told,
    created_at=statement_time(),
    updated_at=statement_time(),
)


def _finishing(_: str, given: Any) -> Any:
    fared = {"state": given.state, "detail": given.detail, "updated_at": statement_time()}
    return update(_NOTICE).where(_NOTICE.c.id == given.id, _NOTICE.c.state.in_(OPEN)).values(fared)


_FINISH = Many(_finishing, _NOTICE.c.id, _NOTICE.c.state, _NOTICE.c.detail)


def finish(session: Session, fared: Sequence[DeliveryResult]) -> None:
    """Record the outcome of hand-overs, of rows still open. Suppresses the addresses that bounced."""
    rows = [{"id": one.id, "state": one.state, "detail": one.detail} for one in fared]
    if rows:
        _FINISH(session, sorted(rows, key=lambda row: str(row["id"])))
    gone = [email_addresses.hashed(users.normal(one.recipient)) for one in fared if one.bounced]
    suppressions.add(session, gone, Reason.BOUNCE, "a mail to it was refused")


def give_up(session: Session, which: ColumnElement[bool]) -> None:
    """End open notifications as FAILED: they are not tried again. The last answer stays in `detail`."""
    row = NotificationRow
    ending = update(row).where(which, row.state.in_(OPEN)).values(state=State.FAILED, updated_at=statement_time())
    session.execute(ending.execution_options(synchronize_session=False))


def ages(session: Session, ids: Sequence[str]) -> dict[str, float]:
    """Return the ages of these notifications, in seconds."""
    row = NotificationRow
    return dict(execute_core(session, select(row.id, age(row.created_at)).where(row.id.in_(ids))).all())


def get(session: Session, id: str) -> NotificationRow:
    """Load a notification. Raises NotFound."""
    row = session.get(NotificationRow, id)
    if row is None:
        raise NotFound("There is no such notification.")
    return row


def erase(session: Session, user_id: str) -> None:
    """Delete the notifications about the user's account. Those about their orders are deleted with the orders."""
    session.execute(delete(NotificationRow).where(NotificationRow.subject_id == user_id))


def prune(session: Session, days: int) -> int:
    """Delete the oldest notifications that are older than `days` and have an end, one batch. Returns how many."""
    row = NotificationRow
    oldest = select(row.id, row.created_at, row.state).order_by(row.id).limit(ENOUGH).subquery()
    old = select(oldest.c.id).where(age(oldest.c.created_at) > 86400.0 * days, oldest.c.state.not_in(OPEN))
    gone = session.execute(delete(row).where(row.id.in_(old)).execution_options(synchronize_session=False))
    return gone.rowcount  # type: ignore[attr-defined, no-any-return]
