"""Many who have asked for offers, put straight into the tables."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.functions import transaction_time
from db.schema import new_id
from shop.accounts.email_addresses import hashed
from shop.accounts.tags import UserTagRow
from shop.accounts.users import UserRow
from shop.consent.consents import ConsentRow
from shop.consent.topics import Channel

OFFERS = ("offers", Channel.EMAIL)


def subscribe(session: Session, tag: str, count: int) -> dict[str, str]:
    """Their ids by their addresses, which begin with the tag that they have."""
    ids = {f"{tag}-{number}@example.com": new_id() for number in range(count)}
    session.execute(insert(UserRow).values(email_verified_at=transaction_time()), [_user(*one) for one in ids.items()])
    session.execute(insert(ConsentRow), [_yes(id) for id in ids.values()])
    session.execute(insert(UserTagRow), [{"user_id": id, "tag": tag} for id in ids.values()])
    return ids


def _user(email: str, id: str) -> dict[str, str]:
    return {"id": id, "email": email, "email_hash": hashed(email), "name": "Sub Scriber", "password_hash": "x"}


def _yes(id: str) -> dict[str, object]:
    topic, channel = OFFERS
    return {"user_id": id, "topic": topic, "channel": channel, "granted": True, "source": "test"}
