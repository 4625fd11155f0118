"""The public ledger, for the doctor and for drills: charges, entries, transfers and sums."""

from __future__ import annotations

import sqlite3
from typing import Any

CHARGES = (
    "select id, reference, status, amount, currency, captured, refunded, source, failure_code, idempotency_key,"
    " created_at from charges {where} order by seq"
)
ENTRIES = "select id, charge, reference, kind, amount, currency, key, at from entries {where} order by id"
TRANSFERS = "select id, reference, amount, currency, at from transfers {where} order by seq"
TOTALS = (
    "select currency, count(*) as charges, sum(captured) as captured, sum(refunded) as refunded,"
    " sum(captured - refunded) as net from charges {where} group by currency order by currency"
)


def ledger(db: sqlite3.Connection, reference: str | None, *, only_totals: bool = False) -> dict[str, Any]:
    """Return the whole ledger, or only what belongs to `reference`; amounts in minor units, totals by currency."""
    totals = {row.pop("currency"): row for row in _rows(db, TOTALS, reference)}
    if only_totals:
        return {"totals": totals}
    return {
        "charges": _rows(db, CHARGES, reference),
        "entries": _rows(db, ENTRIES, reference),
        "transfers": _rows(db, TRANSFERS, reference),
        "totals": totals,
    }


def latest(db: sqlite3.Connection, count: int = 200) -> list[dict[str, Any]]:
    """Return the newest charges, newest first, for the page."""
    return [dict(row) for row in db.execute("select * from charges order by seq desc limit ?", (count,))]


def latest_transfers(db: sqlite3.Connection, count: int = 50) -> list[dict[str, Any]]:
    return [dict(row) for row in db.execute("select * from transfers order by seq desc limit ?", (count,))]


def _rows(db: sqlite3.Connection, query: str, reference: str | None) -> list[dict[str, Any]]:
    where = "" if reference is None else "where reference = :reference"
    return [dict(row) for row in db.execute(query.format(where=where), {"reference": reference})]
