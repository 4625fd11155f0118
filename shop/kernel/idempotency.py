"""Idempotency keys. The answer to a command is stored in the command's own transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Index, String, Text, and_, delete, select, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import Many, inserting
from db.functions import in_seconds, transaction_time
from db.schema import At, Base, Document
from db.statements import table_of
from shop.kernel.errors import Refusal

KEEP_HOURS = 24


class KeyReused(Refusal):
    """The same Idempotency-Key came with another request."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency key reused"


class IdempotencyKeyRow(Base):
    """One idempotency key of one caller, with the fingerprint of the request and the stored answer."""

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_created_at", "created_at"),)

    scope: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[Document | None]
    created_at: Mapped[At] = mapped_column(default=transaction_time())


class Asked(NamedTuple):
    """One request with an Idempotency-Key. `scope`: the caller; `fingerprint`: a keyed hash of what is asked for."""

    scope: str
    key: str
    fingerprint: str
    older: tuple[str, ...] = ()  # the same fingerprint under the keys from before the secret was changed


class Answered(NamedTuple):
    status: int
    body: str
    headers: dict[str, Any]


def acquire_key(session: Session, asked: Asked) -> Answered | None:
    """Acquire the idempotency key. Returns None when this request has it now, else the earlier answer.

    Raises KeyReused when the key came with another request. Of two equal requests at once, the second waits here until
    the first has committed or rolled back.
    """
    return None if asked in acquire_keys(session, [asked]) else earlier(session, asked)


def acquire_keys(session: Session, asked: Sequence[Asked]) -> set[Asked]:
    """Acquire many keys, in their order, so that two batches never deadlock. Returns the requests that have theirs.

    No two of `asked` may share scope and key.
    """
    rows = [{"scope": one.scope, "key": one.key, "fingerprint": one.fingerprint} for one in sorted(asked)]
    taken = {(row.scope, row.key) for row in _CLAIM(session, rows)}
    return {one for one in asked if (one.scope, one.key) in taken}


def earlier(session: Session, asked: Asked) -> Answered:
    """Load the answer stored under a key that is taken. Raises KeyReused when it was given to another request."""
    row = session.scalars(select(IdempotencyKeyRow).filter_by(scope=asked.scope, key=asked.key)).one()
    if row.fingerprint not in (asked.fingerprint, *asked.older):
        raise KeyReused("This Idempotency-Key came before with another request.")
    return Answered(row.status, row.body, row.headers or {})


def remember(session: Session, answers: Mapping[Asked, Answered]) -> None:
    """Store the answers under keys that were acquired in this transaction."""
    rows = [{"scope": asked.scope, "key": asked.key, **said._asdict()} for asked, said in answers.items()]
    _REMEMBER(session, rows)


def release_keys(session: Session, asked: Sequence[Asked]) -> None:
    """Delete the keys of requests that were refused, so that they can be tried again."""
    _GIVE_BACK(session, [{"scope": one.scope, "key": one.key} for one in asked])


_ROWS = table_of(IdempotencyKeyRow)
_CLAIM = inserting(
    _ROWS,
    *("scope", "key", "fingerprint"),
    then=lambda insert: insert.on_conflict_do_nothing(index_elements=["scope", "key"]).returning(
        _ROWS.c.scope, _ROWS.c.key
    ),
    created_at=transaction_time(),
)


def _remembering(_: str, given: Any) -> Any:
    mine = and_(_ROWS.c.scope == given.scope, _ROWS.c.key == given.key)
    return update(_ROWS).where(mine).values(status=given.status, body=given.body, headers=given.headers)


_REMEMBER = Many(_remembering, _ROWS.c.scope, _ROWS.c.key, _ROWS.c.status, _ROWS.c.body, _ROWS.c.headers)


def _giving_back(_: str, given: Any) -> Any:
    theirs = select(given.scope, given.key)
    return delete(_ROWS).where(tuple_(_ROWS.c.scope, _ROWS.c.key).in_(theirs))


_GIVE_BACK = Many(_giving_back, _ROWS.c.scope, _ROWS.c.key)


def forget(session: Session, scope: str) -> None:
    """Delete all keys and stored answers of one caller, such as `user:<id>`."""
    session.execute(delete(IdempotencyKeyRow).where(IdempotencyKeyRow.scope == scope))


def prune_commands(session: Session, batch: int = 1000) -> int:
    """Delete one batch of keys older than KEEP_HOURS. Returns how many were deleted."""
    old = select(IdempotencyKeyRow.scope, IdempotencyKeyRow.key).where(
        IdempotencyKeyRow.created_at < in_seconds(-KEEP_HOURS * 3600)
    )
    these = tuple_(IdempotencyKeyRow.scope, IdempotencyKeyRow.key).in_(old.limit(batch))
    return session.execute(delete(IdempotencyKeyRow).where(these)).rowcount  # type: ignore[attr-defined, no-any-return]
