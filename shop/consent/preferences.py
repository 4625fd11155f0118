"""A user's preferences: a language, and the marketing topics they want, by channel."""

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
    """Set the language and the wanted topics; all other topics are off.

    Wanting any topic lifts the suppression of a former unsubscribe from everything. Raises NotFound.
    """
    users.change_language(session, user_id, language)
    kinds: list[Kind] = [(topic, channel) for topic in MARKETING for channel in Channel]
    asked = {kind: kind in wanted for kind in kinds}
    consents.say(session, user_id, _news(session, user_id, asked), SOURCE)
    if any(asked.values()):
        address = users.get(session, user_id).email_hash or ""
        suppressions.lift(session, address, Reason.UNSUBSCRIBE)


def _news(session: Session, user_id: str, asked: dict[Kind, bool]) -> dict[Kind, bool]:
    """Keep the decisions worth recording: a no to what was never granted is left out."""
    before = consents.granted(session, user_id)
    return {kind: yes for kind, yes in asked.items() if yes or kind in before}
