"""The database's clock held still, so that a story told twice goes the same way twice, however busy the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text

import db

START = datetime(2026, 1, 1, tzinfo=UTC)

# `now()` and `clock_timestamp()` are looked for here before they are looked for among PostgreSQL's own.
_HELD = """
    CREATE SCHEMA IF NOT EXISTS held;
    CREATE TABLE IF NOT EXISTS held.moment AS SELECT CAST(:start AS timestamptz) AS at;
    CREATE OR REPLACE FUNCTION held.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM held.moment';
    CREATE OR REPLACE FUNCTION held.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
        AS 'SELECT at FROM held.moment'
"""


class HeldClock:
    """Stands in for the clock of the database at hand, on every connection made from now on."""

    def __init__(self, kind: str) -> None:
        self.on_sqlite = kind == "sqlite"
        self.moment = START
        if not self.on_sqlite:
            with db.transaction() as session:
                for statement in _HELD.split(";"):
                    session.execute(text(statement.replace(":start", f"'{START.isoformat()}'")))
        event.listen(db.engine(), "connect", self._hold)
        db.engine().dispose()
        self.pass_time(0)  # PostgreSQL may remember another test's time

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        if not self.on_sqlite:
            with db.transaction() as session:
                session.execute(text("UPDATE held.moment SET at = :at"), {"at": self.moment})

    def _hold(self, connection: Any, _: Any) -> None:
        if self.on_sqlite:
            connection.create_function("strftime", -1, self._strftime)
            connection.execute("PRAGMA synchronous=OFF")  # nobody pulls the plug here
        else:
            connection.execute("SET search_path = held, pg_catalog, public")
            connection.commit()

    def _strftime(self, form: str, start: str, shift: str | None = "0 seconds") -> str | None:
        """The two ways in which `db/functions.py` asks SQLite for the time."""
        assert (form, start) == ("%Y-%m-%d %H:%M:%f", "now")
        if shift is None:
            return None
        at = self.moment + timedelta(seconds=float(shift.removesuffix(" seconds")))
        return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"
