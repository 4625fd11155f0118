"""Messages that staff send, and resends of notifications. The row keeps which staff user asked for it (`asked_by`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.schema import new_id
from shop.accounts import users
from shop.accounts.signed_links import Kind
from shop.accounts.users import UserRow
from shop.consent.topics import Channel
from shop.kernel.errors import IllegalMove, Invalid
from shop.notices import accounts as account_notices
from shop.notices import orders as order_notices
from shop.notices import registry as notice_registry
from shop.notifications import outbox
from shop.notifications.outbox import OPEN, NotificationRequest, NotificationRow

TEMPLATES = (*Kind, *order_notices.TRUE_WHILE)
"""Letters that staff may send without words of their own: to an account, or about an order."""


@dataclass(frozen=True)
class Wish:
    """A message to an account, to an address, or to the customer of an order; a template of TEMPLATES, or subject and
    text.

    `by`: the id of the staff user.
    """

    by: str
    user_id: str | None = None
    email: str | None = None
    order_id: str | None = None
    template: str | None = None
    subject: str | None = None
    text: str | None = None
    channel: str = Channel.EMAIL
    language: str | None = None


def send(session: Session, wish: Wish) -> NotificationRow:
    """Enqueue the message. Returns its row.

    Raises Invalid; IllegalMove when the template does not hold for the order or account. Roll back then.
    """
    _check(wish)
    telling, content = _telling(session, wish), None
    if not wish.template:
        content = {"subject": wish.subject, "text": wish.text, "language": wish.language}
    return _told(session, telling, asked_by=wish.by, content=content)


def resend(session: Session, id: str, by: str) -> NotificationRow:
    """Enqueue a notification again as another event, to the recipient's address of now, with its content built anew.

    Raises IllegalMove while it is open, when it does not hold any more, or when its recipient is erased; NotFound.
    """
    row = outbox.get(session, id)
    if row.state in OPEN:
        raise IllegalMove("It is still on its way.")
    notice = notice_registry.notice(session, row)
    if notice is None or not notice.to:
        raise IllegalMove("It is not true any more, or nobody knows any more whom it was sent to.")
    telling = NotificationRequest(
        row.kind, row.subject_id, notice.to, turn=new_id(), about=row.about, channel=row.channel
    )
    return _told(session, telling, asked_by=by, content=row.content, resend_of=row.resend_of or row.id)


def _told(session: Session, telling: NotificationRequest, **more: Any) -> NotificationRow:
    id = outbox.enqueue(session, telling, **more)
    assert id, "its turn is new"
    row = outbox.get(session, id)
    if notice_registry.notice(session, row) is None:
        raise IllegalMove("It is not true of this order.")
    return row


def _check(wish: Wish) -> None:
    named = {"user_id": wish.user_id, "email": wish.email, "order_id": wish.order_id}
    if sum(value is not None for value in named.values()) != 1:
        raise Invalid({"user_id": ["Name one of user_id, email and order_id."]})
    if bool(wish.template) == bool(wish.subject or wish.text) or bool(wish.subject) != bool(wish.text):
        raise Invalid({"template": ["Name a template, or both subject and text."]})
    needed = "order_id" if wish.template in order_notices.TRUE_WHILE else "user_id" if wish.template else None
    if needed and named[needed] is None:
        raise Invalid({needed: [f"{wish.template} needs it."]})
    if wish.order_id and not wish.template:
        raise Invalid({"order_id": ["Words of one's own go to a user_id or an email."]})
    if wish.channel != Channel.EMAIL and (wish.template or wish.user_id is None):
        raise Invalid({"channel": [f"By {wish.channel} go words of one's own, to a user_id."]})


def _telling(session: Session, wish: Wish) -> NotificationRequest:
    turn = new_id()
    if wish.order_id:
        order = order_notices.known(session, [wish.order_id]).get(wish.order_id)
        if order is None:
            raise Invalid({"order_id": ["There is no such order, or nobody knows any more whose it was."]})
        return NotificationRequest(str(wish.template), order.id, order.email, turn)
    user = _account(session, wish)
    kind = wish.template or account_notices.MESSAGE
    to = (user.email if user and wish.channel == Channel.EMAIL else wish.user_id) or str(wish.email)
    return NotificationRequest(kind, user.id if user else turn, to, turn, channel=wish.channel)


def _account(session: Session, wish: Wish) -> UserRow | None:
    """Load the account that the wish names, or the one that has the address it names. None: the address has none."""
    if wish.email:
        return users.by_email(session, wish.email)
    user = users.find_active(session, str(wish.user_id))
    if user is None:
        raise Invalid({"user_id": ["There is no such account."]})
    return user
