"""The limit on mails a mailbox did not ask for, whatever caused them: MAIL_LIMIT.

It is counted in the database, for all processes together.
Counted is what a stranger can cause with another person's address; not what its owner has paid for, has agreed to, or
gets at a verified address. The mailbox is stored as a keyed hash, so that this table identifies no person; it outlives
accounts, for a window.
"""

from __future__ import annotations

from functools import lru_cache

from limits import parse_many
from sqlalchemy import String, case, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import settings
from db.functions import age, statement_time
from db.schema import At, Base
from db.statements import execute_core, table_of, upsert
from shop.accounts import users
from shop.kernel import keys
from shop.kernel.keys import Purpose

LIMITED = "This address has had as many mails as it may that it did not ask for (MAIL_LIMIT)."


class MailCountRow(Base):
    """Mails to one mailbox in one window: `sent` since `began_at`. `seconds`: the window's length."""

    __tablename__ = "mail_counts"

    mailbox: Mapped[str] = mapped_column(String(32), primary_key=True)
    seconds: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[At]
    sent: Mapped[int]


def allows(session: Session, address: str) -> bool:
    """Count one more mail to this mailbox. Returns whether it may be sent.

    Each call counts, a refused one too. `address` may be in any spelling.
    """
    mailbox = keys.mark(Purpose.MAILBOX, users.mailbox(address))
    counted = [_count(session, mailbox, seconds) <= most for seconds, most in _limits(settings().mail_limit)]
    return all(counted)


def prune(session: Session) -> int:
    """Delete the counts of windows that are over. Returns how many were deleted."""
    row = MailCountRow
    gone = session.execute(delete(row).where(age(row.began_at) > row.seconds))
    return gone.rowcount  # type: ignore[attr-defined, no-any-return]


def _count(session: Session, mailbox: str, seconds: int) -> int:
    """Add one to the mailbox's count for this window, or begin a new window. Returns the count."""
    row = table_of(MailCountRow).c
    over = age(row.began_at) > row.seconds
    insert = upsert(session, table_of(MailCountRow)).values(
        mailbox=mailbox, seconds=seconds, began_at=statement_time(), sent=1
    )
    again = insert.on_conflict_do_update(
        index_elements=["mailbox", "seconds"],
        set_={
            "sent": case((over, 1), else_=row.sent + 1),
            "began_at": case((over, statement_time()), else_=row.began_at),
        },
    )
    counted: int = execute_core(session, again.returning(row.sent)).scalar_one()
    return counted


@lru_cache(maxsize=8)
def _limits(said: str) -> tuple[tuple[int, int], ...]:
    """Parse MAIL_LIMIT into (seconds, most mails), the shortest window first."""
    return tuple(sorted((limit.get_expiry(), limit.amount) for limit in parse_many(said)))
