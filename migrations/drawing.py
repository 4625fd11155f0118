"""docs/tables.md, drawn from the models: `python -m migrations.drawing` writes it, and a test says when it is old."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from db.schema import Base
from migrations.models import metadata

PAGE = Path(__file__).parent.parent / "docs/tables.md"
HEAD = """# The tables

Drawn from the models by `python -m migrations.drawing`; a test says when this page is old. Types are PostgreSQL's.
What the columns mean stands beside them in the code.
"""
ONE_TO_MANY = "||--o{"


def page() -> str:
    """Return the page's text: one diagram for the engine and for each domain of the shop."""
    return "\n".join([HEAD, *(_section(room, tables) for room, tables in sorted(_rooms().items()))])


def _rooms() -> dict[str, list[Table]]:
    """The tables by where their class is written: `engine`, `shop/orders`."""
    rooms: dict[str, list[Table]] = defaultdict(list)
    for mapper in Base.registry.mappers:
        table = metadata.tables[mapper.local_table.name]  # type: ignore[attr-defined]
        rooms[_room(mapper.class_.__module__)].append(table)
    return {room: sorted(tables, key=lambda table: table.name) for room, tables in rooms.items()}


def _room(module: str) -> str:
    first, *rest = module.split(".")
    return f"shop/{rest[0]}" if first == "shop" else first


def _section(room: str, tables: Iterable[Table]) -> str:
    lines = [line for table in tables for line in (*_links(table), *_entity(table))]
    return "\n".join([f"## `{room}`", "```mermaid", "erDiagram", *(f"    {line}" for line in lines), "```", ""])


def _links(table: Table) -> Iterator[str]:
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
        yield f'{key.column.table.name} {ONE_TO_MANY} {table.name} : "{key.parent.name}"'


def _entity(table: Table) -> Iterator[str]:
    yield f"{table.name} {{"
    for column in table.columns:
        kind = column.type.compile(postgresql.dialect()).split("(")[0].lower()
        kind = {"timestamp with time zone": "timestamptz", "double precision": "float8"}.get(kind, kind)
        marks = ", ".join(["PK"] * column.primary_key + ["FK"] * bool(column.foreign_keys))
        yield f"    {kind} {column.name} {marks}".rstrip()
    yield "}"


if __name__ == "__main__":
    PAGE.write_text(page())
