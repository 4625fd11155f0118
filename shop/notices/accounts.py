"""Messages about accounts, and messages that staff write to customers.

Links begin with the configured address, whatever host a request named. They are made when the message is handed over,
so that they stand in no table and in no broker's queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy.orm import Session

from db.schema import new_id
from shop.accounts import signed_links, users
from shop.accounts.signed_links import Kind
from shop.accounts.users import UserRow
from shop.consent.topics import Channel
from shop.kernel import links
from shop.kernel.languages import LANGUAGES
from shop.kernel.links import Place
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, marked

MESSAGE = "message"
PAGES = {Kind.VERIFY_EMAIL: Place.VERIFY_EMAIL, Kind.PASSWORD_RESET: Place.RESET_PASSWORD}


def begin(session: Session, asked: Mapping[str, tuple[Kind, str]]) -> dict[str, Notice]:
    """Record the link mails that these runs are about to send. `asked`: by run, the kind of link and the user's id.

    Returns the notices by run; runs whose account is gone or whose mail has an end already are left out.
    """
    found = {run: (kind, user) for run, (kind, id) in asked.items() if (user := users.find_active(session, id))}
    tellings = {
        run: NotificationRequest(kind, user.id, user.email or "", turn=run, unasked=True)
        for run, (kind, user) in found.items()
    }
    begun = outbox.note(session, list(tellings.values()), solicited=True)
    told = {run: one for run, one in tellings.items() if one in begun}
    return {run: marked(_with_link(session, begun[one], *found[run]), one) for run, one in told.items()}


def with_link(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row with a fresh link. None: the account is gone."""
    user = users.find_active(session, row.subject_id)
    return _with_link(session, row.id, Kind(row.kind), user) if user else None


def message(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a message from staff. None: it has no content.

    Channels other than e-mail address the account that the row names.
    """
    user, said = users.find_active(session, row.subject_id), dict(row.content or {})
    if not said:
        return None
    language = said.pop("language", None) or (user.language if user else LANGUAGES[0])
    to = (user.email if user and row.channel == Channel.EMAIL else None) or row.recipient
    return Notice(row.id, MESSAGE, to, language, {"name": user.name if user else "", **said}, row.channel)


class Changed(StrEnum):
    """Security notices to an account's owner after a change: it may have been made by another person."""

    PASSWORD = "password_changed"  # noqa: S105 - a name
    EMAIL = "email_changed"
    SESSION = "session_ended"


def tell_of_change(session: Session, user_id: str, kind: Changed, address: str | None) -> None:
    """Enqueue a security notice to `address`, the one that the account had before. None: nothing is sent."""
    if address:
        outbox.enqueue(session, NotificationRequest(kind, user_id, address, turn=new_id()))


def changed(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row, to the address it was enqueued for, whatever the account has by now.

    None: the account is gone.
    """
    user = users.find_active(session, row.subject_id)
    return Notice(row.id, row.kind, row.recipient, user.language, {"name": user.name}) if user else None


def _with_link(session: Session, id: str, kind: Kind, user: UserRow) -> Notice:
    link = links.link(PAGES[kind], token=signed_links.token(session, user, kind))
    return Notice(id, kind, user.email or "", user.language, {"name": user.name, "link": link}, unasked=True)
