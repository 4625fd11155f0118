"""The ledger for the shop: captures and refunds between two times, page by page."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from sandbox.bank.api import ApiHandler
from sandbox.bank.records import captured_as
from sandbox.web import Refusal

PAGE = 100
ENTRIES = (
    "select id as number, charge, kind, amount, currency, reference, at, not exists (select 1 from entries earlier"
    "  where earlier.charge = entries.charge and earlier.kind = 'capture' and earlier.id < entries.id) as first"
    " from entries"
    " where at >= ? and at < ? and id > ? and kind in ('capture', 'refund') order by id limit ?"
)


class Windowed(ApiHandler):
    """A list between two times, page by page: the `next` of an answer is the `after` of the following page."""

    def window(self) -> tuple[str, str, int]:
        """Return `since`, `until` and `after` of the query, the times in UTC; raise Refusal (422) for a bad one."""
        return self._moment("since"), self._moment("until"), self._after()

    def _moment(self, name: str) -> str:
        try:
            moment = datetime.fromisoformat(self.get_query_argument(name, ""))
            return moment.astimezone(UTC).isoformat(timespec="milliseconds")
        except (ValueError, OverflowError) as error:
            raise Refusal(422, f"invalid_{name}", f"{name} must be a moment in ISO 8601.") from error

    def _after(self) -> int:
        after = self.get_query_argument("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise Refusal(422, "invalid_after", "after must be what a page before gave out as next.")
        return int(after)


class Statement(Windowed):
    """GET /v1/ledger?since=&until=&after=: oldest first."""

    def get(self) -> None:
        since, until, after = self.window()
        rows = self.bank.store.read(lambda db: _page(db, since, until, after))
        next = str(rows[PAGE - 1]["number"]) if len(rows) > PAGE else None
        self.answer({"entries": [_shape(row) for row in rows[:PAGE]], "next": next})


def _page(db: sqlite3.Connection, since: str, until: str, after: int) -> list[dict[str, Any]]:
    return [dict(row) for row in db.execute(ENTRIES, (since, until, after, PAGE + 1))]


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    number, charge, first = row.pop("number"), row.pop("charge"), bool(row.pop("first"))
    return {"id": captured_as(charge, number, first=first) if row["kind"] == "capture" else f"re_{number}", **row}
