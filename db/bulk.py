"""Statements about many rows, which travel as one JSON parameter, so that the statement is prepared once.

Sixty-four rows cost little more than one: `executemany` would send, parse, plan and answer each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import Any

from sqlalchemy import JSON, Column, Integer, Table, bindparam, column, func, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from db.statements import INSERT, dialect, execute_core

Row = Mapping[str, Any]
Make = Callable[[str, Any], Any]


class Many:
    """A statement about rows that are given when it is executed; built once for each dialect.

    `make(dialect, given)` returns the statement; `given.sku` is a column of the given rows. Calling a Many executes it
    in the session's transaction and returns SQLAlchemy's result. Rows must hold what JSON can.
    """

    def __init__(self, make: Make, *columns: Column[Any]) -> None:
        self._make, self._columns = make, columns
        self._made: dict[str, Any] = {}

    def __call__(self, session: Session, rows: Sequence[Row], **parameters: Any) -> Any:
        kind = dialect(session)
        if kind not in self._made:
            self._made[kind] = self._make(kind, GIVEN[kind](self._columns))
        return execute_core(session, self._made[kind], {"rows": rows, **parameters})


def number(name: str) -> Column[int]:
    """Return an integer column of given rows that is a column of no table."""
    return Column(name, Integer)


def inserting(
    table: Table,
    *names: str,
    then: Callable[[Any], Any] = lambda insert: insert,
    each: Mapping[str, Callable[[Any], Any]] = MappingProxyType({}),
    **same: Any,
) -> Many:
    """Return the INSERT of rows with these columns into `table`.

    same: values that all rows get, by column; each: values computed from the given columns; then: adds ON CONFLICT or
    RETURNING to the statement.
    """

    def make(kind: str, given: Any) -> Any:
        reckoned = [of_given(given) for of_given in each.values()]
        values = [getattr(given, name) for name in names] + reckoned + list(same.values())
        # SQLite could not tell where a SELECT without WHERE ends and ON CONFLICT begins.
        return then(INSERT[kind](table).from_select([*names, *each, *same], select(*values).where(true())))

    return Many(make, *(table.c[name] for name in names))


def _on_postgresql(columns: Sequence[Column[Any]]) -> Any:
    typed = [column(one.name, one.type) for one in columns]
    sent = bindparam("rows", type_=postgresql.JSON())
    return func.json_to_recordset(sent).table_valued(*typed).render_derived("given", with_types=True).c


def _on_sqlite(columns: Sequence[Column[Any]]) -> Any:
    sent = func.json_each(bindparam("rows", type_=JSON())).table_valued("value", name="given")
    parts = {one.name: func.json_extract(sent.c.value, f"$.{one.name}", type_=one.type) for one in columns}
    return SimpleNamespace(**parts)


GIVEN: Mapping[str, Callable[[Sequence[Column[Any]]], Any]] = {"postgresql": _on_postgresql, "sqlite": _on_sqlite}
