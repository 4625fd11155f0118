"""docs/tables.md shows the tables that there are."""

from __future__ import annotations

from migrations import drawing


def test_the_map_of_the_tables_is_as_the_models_are() -> None:
    assert drawing.PAGE.read_text() == drawing.page(), "python -m migrations.drawing writes it anew"


def test_every_table_of_the_models_is_on_it() -> None:
    text = drawing.page()
    assert [name for name in drawing.metadata.tables if f"    {name} {{" not in text] == []
