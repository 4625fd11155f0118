"""Helpers for statements: with a row lock, past the ORM, or with ON CONFLICT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.schema import Base

Rows = TypeVar("Rows", bound=Select[Any])


def for_update(rows: Rows, **more: Any) -> Rows:
    """Make this SELECT lock its rows until the transaction ends and read them anew, over what the session knew.

    `more` goes to `with_for_update` (`skip_locked=True`, say). On SQLite, where a transaction has the write lock from
    its start, rows are not locked.
    """
    return rows.with_for_update(key_share=True, **more).execution_options(populate_existing=True)


INSERT: dict[str, Callable[..., Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def table_of(row: type[Base]) -> Table:
    """Return the `Table` of a mapped class, for statements of SQLAlchemy Core."""
    return cast(Table, row.__table__)


def execute_core(session: Session, statement: Any, parameters: Mapping[str, Any] | None = None) -> Any:
    """Execute a Core statement in the session's transaction, without the ORM, which would double its cost."""
    return session.connection().execute(statement, parameters)


def upsert(session: Session, table: Any) -> Any:
    """Begin an INSERT of the session's own dialect, which has `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return INSERT[dialect(session)](table)


def dialect(session: Session) -> str:
    """Return "postgresql" or "sqlite"."""
    return session.get_bind().dialect.name
