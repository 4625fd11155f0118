"""A look into the broker file from outside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "broker.db", isolation_level=None)) as db:
        yield db


def rows(folder: Path, sql: str) -> list[Any]:
    """Plain values where there is one column."""
    with opened(folder) as db:
        found = db.execute(sql).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def queue_names(folder: Path) -> list[str]:
    return rows(folder, "SELECT name FROM queue ORDER BY name")
