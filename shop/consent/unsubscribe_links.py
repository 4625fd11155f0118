"""Unsubscribe links. They name their recipient, never expire and may be used again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from db.schema import is_id
from shop.accounts import email_addresses, users
from shop.consent import consents, suppressions
from shop.consent.suppressions import Reason
from shop.consent.topics import MARKETING, Channel
from shop.kernel import keys, links
from shop.kernel.errors import NotFound
from shop.kernel.keys import Purpose
from shop.kernel.links import Place


class Link(NamedTuple):
    """What the token of a link says.

    `address`: a hash, by which the mailbox can be suppressed when the account is gone.
    """

    user: str
    address: str
    topic: str
    channel: str


@dataclass(frozen=True)
class WayOut:
    """An unsubscribe link in two forms: `page` for people, `url` for mail programs, which post to it.

    Both hold the token.
    """

    page: str = field(repr=False)
    url: str = field(repr=False)


def way_out(user_id: str, email: str, topic: str, channel: str = Channel.EMAIL) -> WayOut:
    """Make the unsubscribe link for one recipient, topic and channel."""
    token = _signer().dumps(Link(user_id, email_addresses.hashed(email), topic, channel))
    return WayOut(links.link(Place.UNSUBSCRIBE, token=token), links.api(f"/api/unsubscribe/{token}"))


def headers(url: str) -> dict[str, str]:
    """Return the mail headers with which a mail program unsubscribes with one click (RFC 8058)."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def opened(token: str) -> Link:
    """Verify a token and return what it says. Raises NotFound for one that the shop has not signed."""
    try:
        made = Link(*_signer().loads(token))
    except (BadData, TypeError) as error:
        raise NotFound("This link does not work.") from error
    if not is_id(made.user) or made.topic not in MARKETING:
        raise NotFound("This link does not work.")
    return made


def unsubscribe(session: Session, made: Link, *, everything: bool) -> None:
    """Withdraw consent to the link's topic, or to all marketing with `everything`. Safe to repeat.

    With `everything`, and where the account is gone, the address is suppressed as well.
    """
    if _is_there(session, made.user):
        topics = MARKETING if everything else (made.topic,)
        channels = Channel if everything else (made.channel,)
        wishes = {(topic, channel): False for topic in topics for channel in channels}
        consents.say(session, made.user, wishes, "unsubscribe link")
    if everything or not _is_there(session, made.user):
        suppressions.add(session, [made.address], Reason.UNSUBSCRIBE)


def _is_there(session: Session, id: str) -> bool:
    try:
        return bool(users.get(session, id))
    except NotFound:
        return False


def _signer() -> URLSafeSerializer:
    return keys.serializer(Purpose.UNSUBSCRIBE_LINK, salt="unsubscribe")
