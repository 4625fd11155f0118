"""Let time pass at once, by moving the stored times of runs, reservations and gateways back."""

from __future__ import annotations

from tests.stack.shelf import Shelf

MOMENTS = {
    "runs": ("due_at", "sent_at", "deadline_at", "wait_until", "troubled_since"),
    "reservations": ("expires_at",),
    "gateways": ("away_since", "probe_at", "woken_at", "told_at", "back_at"),
}
EARLIER = {
    "postgresql": "{0} - make_interval(secs => :seconds)",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {0}, (-:seconds) || ' seconds') || '000'",
}


def pass_time(shelf: Shelf, seconds: float) -> None:
    """Let `seconds` pass. Leases are not moved, so that calls in hand stay in hand."""
    earlier = EARLIER[shelf.engine.dialect.name]
    for table, columns in MOMENTS.items():
        changes = ", ".join(f"{column} = {earlier.format(column)}" for column in columns)
        shelf.change(f"UPDATE {table} SET {changes}", seconds=float(seconds))
