"""Read and insert the rows of charges and their ledger entries."""

from __future__ import annotations

import secrets
import sqlite3
from datetime import UTC, datetime
from typing import Any

from sandbox.bank import tokens
from sandbox.bank.validation import NewCharge
from sandbox.web import Refusal

DB = sqlite3.Connection
Charge = dict[str, Any]


def get(db: DB, charge_id: str) -> Charge:
    """Return the charge; raise Refusal (404) if there is none."""
    row = db.execute("select * from charges where id = ?", (charge_id,)).fetchone()
    if row is None:
        raise Refusal(404, "charge_not_found", "There is no such charge.")
    return dict(row)


def insert(db: DB, new: NewCharge, key: str, status: str, failure_code: str | None = None) -> Charge:
    """Insert a charge with nothing captured; an unknown token is stored as "unknown"."""
    row = {
        "id": "ch_" + secrets.token_hex(12),
        "reference": new.reference,
        "status": status,
        "amount": new.amount,
        "currency": new.currency,
        "captured": 0,
        "refunded": 0,
        "source": new.source if new.source in tokens.KNOWN else "unknown",
        "wants_capture": new.capture,
        "failure_code": failure_code,
        "idempotency_key": key,
        "created_at": now(),
    }
    db.execute(
        "insert into charges (id, reference, status, amount, currency, captured, refunded, source, wants_capture,"
        " failure_code, idempotency_key, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        tuple(row.values()),
    )
    return row


def enter(db: DB, charge: Charge, kind: str, amount: int, key: str) -> int:
    """Append an entry to the ledger and return its number; the charge itself is not changed."""
    cursor = db.execute(
        "insert into entries (charge, reference, kind, amount, currency, key, at) values (?, ?, ?, ?, ?, ?, ?)",
        (charge["id"], charge["reference"], kind, amount, charge["currency"], key, now()),
    )
    return int(cursor.lastrowid or 0)


def captured_as(charge_id: str, entry: int, *, first: bool) -> str:
    """Return the id of a capture: the charge's for its first capture, one made of the entry's number for others."""
    return charge_id if first else f"cp_{entry}"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
