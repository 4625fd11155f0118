"""What a user has chosen: a language, and the topics they want to hear of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop.accounts import users
from shop.consent import consents, suppressions
from shop.consent.consents import Kind
from shop.consent.suppressions import Reason
from shop.consent.topics import MARKETING, Channel

SOURCE = "preferences"


@dataclass(frozen=True)
class Preferences:
    language: str
    wanted: set[Kind]


def of(session: Session, user_id: str) -> Preferences:
    return Preferences(users.get(session, user_id).language, consents.granted(session, user_id))


def change(session: Session, user_id: str, language: str, wanted: set[Kind]) -> None:
    """All that is not wanted is off. Who wants something again takes back that they wanted nothing."""
    users.change_language(session, user_id, language)
    kinds: list[Kind] = [(topic, channel) for topic in MARKETING for channel in Channel]
    asked = {kind: kind in wanted for kind in kinds}
    consents.say(session, user_id, _news(session, user_id, asked), SOURCE)
    if any(asked.values()):
        address = users.get(session, user_id).email_hash or ""
        suppressions.lift(session, address, Reason.UNSUBSCRIBE)


def _news(session: Session, user_id: str, asked: dict[Kind, bool]) -> dict[Kind, bool]:
    """A no to what was never wanted says nothing."""
    before = consents.granted(session, user_id)
    return {kind: yes for kind, yes in asked.items() if yes or kind in before}
