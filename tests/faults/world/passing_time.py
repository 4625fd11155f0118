"""Hours that pass in a moment, by the database's clock: all that runs and reservations wait for comes nearer."""

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
    """Nobody's lease is touched: calls under way are still under way."""
    earlier = EARLIER[shelf.engine.dialect.name]
    for table, columns in MOMENTS.items():
        changes = ", ".join(f"{column} = {earlier.format(column)}" for column in columns)
        shelf.change(f"UPDATE {table} SET {changes}", seconds=float(seconds))
