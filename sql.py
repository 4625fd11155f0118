"""Columns and expressions that mean the same on PostgreSQL and on SQLite.

Times are the database's own, so that no two machines' clocks are ever compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.sql.functions import FunctionElement
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
    """A fresh id: a UUIDv7, so that rows made together lie together. Of what happened first it says nothing certain."""
    return str(uuid7())


_AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: object) -> bool:
    """Whether PostgreSQL would take this for an id; anything else it answers with an error."""
    return isinstance(text, str) and _AN_ID.fullmatch(text) is not None


Rows = TypeVar("Rows", bound=Select[Any])


def held(rows: Rows, **more: Any) -> Rows:
    """These rows, locked until the transaction ends, and not what was read of them before they were locked."""
    return rows.with_for_update(key_share=True, **more).execution_options(populate_existing=True)


class now(FunctionElement[datetime]):
    """The database's clock; on PostgreSQL the moment this transaction began."""

    type = Moment()
    inherit_cache = True


class clock(now):
    """The database's clock at this very statement."""

    inherit_cache = True


def the_time(session: Session) -> datetime:
    """What the database's clock says."""
    return session.scalars(select(clock())).one()


class later(FunctionElement[datetime]):
    """`later(seconds)`: that long after now, by the database's clock."""

    type = Moment()
    inherit_cache = True

    def __init__(self, seconds: float | ColumnElement[Any]) -> None:
        super().__init__(literal(seconds, Float) if isinstance(seconds, int | float) else seconds)


class age(FunctionElement[float]):
    """`age(column)`: seconds since then, by the database's clock."""

    type = Float()
    inherit_cache = True


class chance(FunctionElement[float]):
    """A number from 0 to 1 by lot, another for each row."""

    type = Float()
    inherit_cache = True


class among(FunctionElement[bool]):
    """`among(column, "name")`: the column is one of a list sent as a single parameter.

    The statement's text does not change with the list's length, so that it is prepared once.
    Bind a list of texts to the name.
    """

    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, type_=_List()))


class _List(TypeDecorator[Sequence[str]]):
    """A list of strings: a text array for PostgreSQL, JSON for SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(String))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


@compiles(now, "postgresql")
def _now_on_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "now()"


@compiles(now, "sqlite")
def _now_on_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(clock, "postgresql")
def _clock_on_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "clock_timestamp()"


@compiles(later, "postgresql")
def _later_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(now() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(later, "sqlite")
def _later_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({seconds}) || ' seconds') || '000')"


@compiles(age, "postgresql")
def _age_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(extract(epoch FROM now() - {compiler.process(element.clauses, **kw)}) AS float)"


@compiles(age, "sqlite")
def _age_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    then = compiler.process(element.clauses, **kw)
    return f"((julianday(strftime('%Y-%m-%d %H:%M:%f', 'now')) - julianday({then})) * 86400.0)"


@compiles(chance, "postgresql")
def _chance_on_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "random()"


@compiles(chance, "sqlite")
def _chance_on_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "(abs(random() % 1000000) / 1000000.0)"


@compiles(among, "postgresql")
def _among_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = element.clauses
    array = "uuid[]" if isinstance(column.type.dialect_impl(compiler.dialect), postgresql.UUID) else "text[]"
    return f"{compiler.process(column, **kw)} = ANY(CAST({compiler.process(values, **kw)} AS {array}))"


@compiles(among, "sqlite")
def _among_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled, not pasted


INSERT: dict[str, Callable[..., Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def bare(row: type[Base]) -> Table:
    """The table of a class, for statements that need none of the ORM."""
    return cast(Table, row.__table__)


def direct(session: Session, statement: Any, parameters: Mapping[str, Any] | None = None) -> Any:
    """Run a statement on tables past the ORM, which costs as much again and would look at every row."""
    return session.connection().execute(statement, parameters)


def upsert(session: Session, table: Any) -> Any:
    """An INSERT of the database at hand, for its ON CONFLICT clause."""
    return INSERT[dialect(session)](table)


def dialect(session: Session) -> str:
    return session.get_bind().dialect.name
