"""How a moment is written for programs: one way, wherever one leaves the shop."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with milliseconds, as RFC 3339 has it: `2026-11-29T18:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
