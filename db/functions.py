"""SQL functions that mean the same on PostgreSQL and on SQLite.

Times are those of the database's clock, so that no two machines' clocks are ever compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Float, String, bindparam, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from db.schema import Moment


class transaction_time(FunctionElement[datetime]):
    """The time by the database's clock: on PostgreSQL at the start of the transaction, on SQLite of the statement."""

    type = Moment()
    inherit_cache = True


class statement_time(transaction_time):
    """The time by the database's clock when this statement is executed, however long ago its transaction began."""

    inherit_cache = True


def read_clock(session: Session) -> datetime:
    """Read the database's clock. Returns an aware datetime in UTC."""
    return session.scalars(select(statement_time())).one()


class in_seconds(FunctionElement[datetime]):
    """`in_seconds(seconds)`: so many seconds after `transaction_time`; negative: before it."""

    type = Moment()
    inherit_cache = True

    def __init__(self, seconds: float | ColumnElement[Any]) -> None:
        super().__init__(literal(seconds, Float) if isinstance(seconds, int | float) else seconds)


class age(FunctionElement[float]):
    """`age(column)`: seconds from the column's time to `transaction_time`; negative for a time to come."""

    type = Float()
    inherit_cache = True


class chance(FunctionElement[float]):
    """A random number from 0 to 1, another for each row."""

    type = Float()
    inherit_cache = True


class in_list(FunctionElement[bool]):
    """`in_list(column, "name")`: the column is one of a list that is sent as a single parameter called `name`.

    The statement's text does not change with the list's length, so that it is prepared once. The parameter is a list of
    texts; for a column of ids PostgreSQL refuses the whole list if one is no UUID.
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


@compiles(transaction_time, "postgresql")
def _transaction_time_on_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "now()"


@compiles(transaction_time, "sqlite")
def _transaction_time_on_sqlite(element: Any, compiler: Any, **_: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(statement_time, "postgresql")
def _statement_time_on_postgresql(element: Any, compiler: Any, **_: Any) -> str:
    return "clock_timestamp()"


@compiles(in_seconds, "postgresql")
def _in_seconds_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(now() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(in_seconds, "sqlite")
def _in_seconds_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
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


@compiles(in_list, "postgresql")
def _in_list_on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = element.clauses
    array = "uuid[]" if isinstance(column.type.dialect_impl(compiler.dialect), postgresql.UUID) else "text[]"
    return f"{compiler.process(column, **kw)} = ANY(CAST({compiler.process(values, **kw)} AS {array}))"


@compiles(in_list, "sqlite")
def _in_list_on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled, not pasted
