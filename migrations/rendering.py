"""Options of alembic, by which a generated migration works on both databases."""

from __future__ import annotations

from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from db import schema
from migrations.models import metadata
from shop.catalogue import search_index


def options() -> dict[str, Any]:
    """Return the arguments of `context.configure` besides the connection."""
    return {
        "target_metadata": metadata,
        "render_as_batch": True,  # SQLite changes a table by rebuilding it
        "compare_type": True,
        "include_name": _ours,
        "render_item": _render,
        "process_revision_directives": _number,
    }


def _ours(name: str | None, kind: str, _: Any) -> bool:
    """Leave out the search index, which shop/catalogue/search_index.py makes; on SQLite it has tables of its own."""
    return not str(name).startswith((search_index.FTS, search_index.GIN))


def _render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Render the types of `db/schema.py` by their names; return False for all others, which alembic then renders."""
    name = _own_name(item) if kind == "type" else None
    if name is None:
        return False
    context.imports.add("from db import schema")
    return f"schema.{name}"


def _own_name(item: Any) -> str | None:
    if isinstance(item, schema.Moment):
        return "Moment()"
    return next((name for name in ("ID", "DOCUMENT") if repr(item) == repr(getattr(schema, name))), None)


def _number(context: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Number the new revision, 0001, 0002 and so on, so that the files sort in their order."""
    head = context.get_current_revision() or "0"
    directives[0].rev_id = f"{int(head) + 1:04d}"
