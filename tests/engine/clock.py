"""Moving time by hand: every moment in the engine's tables becomes that much older."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from db.statements import dialect

MOMENTS = {
    "runs": (
        "due_at",
        "sent_at",
        "lease_until",
        "wait_until",
        "deadline_at",
        "troubled_since",
        "created_at",
        "updated_at",
        "finished_at",
    ),
    "journal": ("started_at", "finished_at"),
    "failed_attempts": ("at",),
    "gateways": ("away_since", "probe_at", "woken_at", "told_at", "back_at"),
    "lanes": ("probed_at", "reached_at"),
}

EARLIER = {
    "postgresql": "{0} - make_interval(secs => :seconds)",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {0}, (-:seconds) || ' seconds') || '000'",
}


def pass_time(session: Session, seconds: float) -> None:
    for table, columns in MOMENTS.items():
        earlier = EARLIER[dialect(session)]
        changes = ", ".join(f"{column} = {earlier.format(column)}" for column in columns)
        session.execute(text(f"UPDATE {table} SET {changes}").bindparams(bindparam("seconds", float(seconds))))
