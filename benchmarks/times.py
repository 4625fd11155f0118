"""SQL that gives a time as seconds since 1970, on either database."""

from __future__ import annotations

from config import settings


def seconds(column: str, *, sqlite: bool | None = None) -> str:
    """Return the SQL expression for `column`.

    sqlite: True for SQLite, False for PostgreSQL, None for the database of this process's settings.
    """
    if settings().on_sqlite if sqlite is None else sqlite:
        return f"(julianday({column}) - 2440587.5) * 86400.0"
    return f"CAST(extract(epoch FROM {column}) AS float)"
