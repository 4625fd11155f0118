"""What is said to the database while somebody listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

import db


@contextmanager
def listening() -> Iterator[list[str]]:
    """The statements in their order, and COMMIT for every commit; SQLite's spoken BEGIN is left out."""
    said: list[str] = []

    def statement(conn: Any, cursor: Any, text: str, *_: Any) -> None:
        if not text.startswith("BEGIN"):
            said.append(text)

    def commit(_: Any) -> None:
        said.append("COMMIT")

    event.listen(db.engine(), "before_cursor_execute", statement)
    event.listen(db.engine(), "commit", commit)
    try:
        yield said
    finally:
        event.remove(db.engine(), "before_cursor_execute", statement)
        event.remove(db.engine(), "commit", commit)
