"""SQL that gives a moment as seconds since 1970, on either database."""

from __future__ import annotations

from config import settings


def seconds(column: str, *, sqlite: bool | None = None) -> str:
    """`sqlite`: which database is meant; left out, the one of this process's settings."""
    if settings().on_sqlite if sqlite is None else sqlite:
        return f"(julianday({column}) - 2440587.5) * 86400.0"
    return f"CAST(extract(epoch FROM {column}) AS float)"
