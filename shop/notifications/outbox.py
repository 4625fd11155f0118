"""One row for each thing somebody was told: event, recipient, channel. It is what keeps a mail from going twice."""

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
ENOUGH = 500  # to look at, or to forget, in one transaction


class State(StrEnum):
    QUEUED = "queued"  # a job of its own is to hand it over
    SENDING = "sending"  # handed over, or about to be
    SENT = "sent"
    REFUSED = "refused"  # by the recipient's mail server, or nobody carries this channel
    SUPPRESSED = "suppressed"  # the address has bounced before
    OUTDATED = "outdated"  # it was not true any more when its turn came
    LIMITED = "limited"  # the address has had as many as it may that it did not ask for
    FAILED = "failed"  # nobody took it for as long as it made sense


OPEN = (State.QUEUED, State.SENDING)


class NotificationRow(Base):
    """`event` is the kind of letter and, where a subject may see several of them, whose turn it is."""

    __tablename__ = "notifications"
    __table_args__ = (Index("uq_notifications_event", "event", "subject_id", "recipient", "channel", unique=True),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[Id] = mapped_column(index=True)  # the order, return, account or endpoint it is about
    recipient: Mapped[str] = mapped_column(String(254))
    channel: Mapped[str] = mapped_column(String(20), default=Channel.EMAIL)
    state: Mapped[str] = mapped_column(String(20), default=State.SENDING)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    detail: Mapped[str | None] = mapped_column(String(500))  # what the provider answered last, or why nobody asked it
    about: Mapped[Id | None]  # the parcel or refund it tells of
    content: Mapped[Document | None] = mapped_column(DOCUMENT)  # what staff wrote
    asked_by: Mapped[Id | None]  # who of the staff
    resend_of: Mapped[Id | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())

    @property
    def kind(self) -> str:
        """The name of its letter."""
        return self.event.partition(":")[0]


@dataclass(frozen=True)
class NotificationRequest:
    """Somebody is to be told of something. `turn`: an id that makes it another event than the last of this kind."""

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
    """With what whoever gets it a second time knows it by: made of what is told to whom, and telling nothing of it."""
    return replace(notice, mark=keys.message(told.event, told.subject_id, told.recipient, told.channel))


@dataclass(frozen=True)
class DeliveryResult:
    """How one hand-over went. `bounced`: its mailbox is none."""

    id: str
    recipient: str
    state: str
    detail: str | None = None
    bounced: bool = False


SEND, REMIND = engine.Named("send_notification"), engine.Named("remind_of_payment")

_NOTICE = table_of(NotificationRow)
_KEY = ("event", "subject_id", "recipient", "channel")


def enqueue(session: Session, telling: NotificationRequest, *, later: bool = False, **more: Any) -> str | None:
    """Somebody is to be told, by a run of its own; None: they have been, or will be. `more`: other columns.

    `later`: only if it is still true after a while (PAYMENT_REMINDER_SECONDS)."""
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
    """These are being told now. Returns the rows' ids; without those who have been told, and those whose address
    has bounced, unless it is `solicited` by whoever gets it."""
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
    """Without those that are one too many for their mailbox. Each is counted once, however often it is tried."""
    counted = sorted((one.recipient, id) for one, id in begun if one.unasked and id in fresh)
    over = [id for recipient, id in counted if not mail_limits.allows(session, recipient)]
    for id in over:
        limit(session, id)
    return {one: id for one, id in begun if id not in over}


def limit(session: Session, id: str) -> None:
    """It is not sent: its mailbox has had enough of what it did not ask for."""
    ended = {"state": State.LIMITED, "detail": mail_limits.LIMITED, "attempts": 0, "updated_at": statement_time()}
    execute_core(session, update(_NOTICE).where(_NOTICE.c.id == id).values(ended))


def bounced(session: Session, recipients: Sequence[str]) -> set[str]:
    """Those whose mail server has said that there is no such mailbox."""
    hashes = {one: email_addresses.hashed(users.normal(one)) for one in recipients}
    blocked = suppressions.among_them(session, list(hashes.values()), Reason.BOUNCE)
    return {one for one, hashed in hashes.items() if hashed in blocked}


def _begun(blocked: bool) -> dict[str, Any]:
    return {"state": State.SUPPRESSED, "attempts": 0} if blocked else {"state": State.SENDING, "attempts": 1}


def _unless_told(insert: Any) -> Any:
    """Returns those that are new or still open, and none that has an end."""
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
    """Write down how they fared. An address that bounced is suppressed."""
    rows = [{"id": one.id, "state": one.state, "detail": one.detail} for one in fared]
    if rows:
        _FINISH(session, sorted(rows, key=lambda row: str(row["id"])))
    gone = [email_addresses.hashed(users.normal(one.recipient)) for one in fared if one.bounced]
    suppressions.add(session, gone, Reason.BOUNCE, "a mail to it was refused")


def give_up(session: Session, which: ColumnElement[bool]) -> None:
    """Nobody took them, and nobody tries any more. The last answer stays."""
    row = NotificationRow
    ending = update(row).where(which, row.state.in_(OPEN)).values(state=State.FAILED, updated_at=statement_time())
    session.execute(ending.execution_options(synchronize_session=False))


def ages(session: Session, ids: Sequence[str]) -> dict[str, float]:
    """In seconds."""
    row = NotificationRow
    return dict(execute_core(session, select(row.id, age(row.created_at)).where(row.id.in_(ids))).all())


def get(session: Session, id: str) -> NotificationRow:
    row = session.get(NotificationRow, id)
    if row is None:
        raise NotFound("There is no such notification.")
    return row


def erase(session: Session, user_id: str) -> None:
    """What somebody was told about their account. What they were told about their orders goes with those."""
    session.execute(delete(NotificationRow).where(NotificationRow.subject_id == user_id))


def prune(session: Session, days: int) -> int:
    """Forget the oldest that are older than that, one batch. Returns how many that were."""
    row = NotificationRow
    oldest = select(row.id, row.created_at, row.state).order_by(row.id).limit(ENOUGH).subquery()
    old = select(oldest.c.id).where(age(oldest.c.created_at) > 86400.0 * days, oldest.c.state.not_in(OPEN))
    gone = session.execute(delete(row).where(row.id.in_(old)).execution_options(synchronize_session=False))
    return gone.rowcount  # type: ignore[attr-defined, no-any-return]
