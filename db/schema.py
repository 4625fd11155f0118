"""The base class of tables, and column types that mean the same on PostgreSQL and on SQLite."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine
from uuid_utils import uuid7


class Moment(TypeDecorator[datetime]):
    """A point in time: timestamptz on PostgreSQL, sortable UTC text on SQLite, always aware in Python."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


ID = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
DOCUMENT = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

Id = Annotated[str, mapped_column(ID)]
At = Annotated[datetime, mapped_column(Moment)]
Document = Annotated[dict[str, Any], mapped_column(DOCUMENT)]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def new_id() -> str:
    """Return a new id: a UUIDv7, so that rows made together lie together.

    The order of ids does not prove what happened first.
    """
    return str(uuid7())


_AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: object) -> bool:
    """Return whether this is an id as `new_id` writes them, in lower case.

    PostgreSQL answers other texts with an error.
    """
    return isinstance(text, str) and _AN_ID.fullmatch(text) is not None
