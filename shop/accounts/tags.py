"""Tags that staff pin to customers, for campaigns to select them by."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_list
from db.schema import Base, Id
from shop.kernel.errors import Invalid

TAG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST = 50


class UserTagRow(Base):
    __tablename__ = "user_tags"

    tag: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[Id] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)


def check(tags: Sequence[str]) -> None:
    """Raise Invalid for a tag that is no tag, or for more than MOST."""
    if len(tags) > MOST or not all(TAG.fullmatch(tag) for tag in tags):
        raise Invalid({"tags": [f"At most {MOST}, of small letters, digits, - and _, each of at most 40."]})


def pin(session: Session, user_id: str, tags: Sequence[str]) -> None:
    """Replace the user's tags. Raises Invalid."""
    check(tags)
    erase(session, user_id)
    session.add_all(UserTagRow(tag=tag, user_id=user_id) for tag in sorted(set(tags)))
    session.flush()


def of(session: Session, user_ids: Sequence[str]) -> dict[str, list[str]]:
    """List the tags of these users, sorted; users without tags are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    query = select(UserTagRow.user_id, UserTagRow.tag).where(in_list(UserTagRow.user_id, "users"))
    for user, tag in session.execute(query.order_by(UserTagRow.tag), {"users": list(user_ids)}):
        found[user].append(tag)
    return found


def erase(session: Session, user_id: str) -> None:
    session.execute(delete(UserTagRow).where(UserTagRow.user_id == user_id))
