"""The charge in the answers of the API."""

from __future__ import annotations

from typing import Any


def charge(row: dict[str, Any], public_url: str) -> dict[str, Any]:
    """Return the charge as the API shows it, without the token it was paid with."""
    return {
        "object": "charge",
        "id": row["id"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "captured": row["captured"],
        "refunded": row["refunded"],
        "reference": row["reference"],
        "failure_code": row["failure_code"],
        "next_action": _next_action(row, public_url),
        "created_at": row["created_at"],
    }


def _next_action(row: dict[str, Any], public_url: str) -> dict[str, str] | None:
    if row["status"] != "requires_action":
        return None
    return {"type": "redirect", "url": f"{public_url}/3ds/{row['id']}"}
