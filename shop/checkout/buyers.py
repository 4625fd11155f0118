"""The customers who order: holders of live sessions, each with the default billing address, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Session

from db.statements import execute_core
from shop.accounts import addresses, sessions
from shop.accounts.addresses import AddressRow
from shop.accounts.sessions import ALIVE, Claim, Holder
from shop.accounts.users import UserRow

_BOOKED = and_(AddressRow.user_id == UserRow.id, AddressRow.default_billing)
_BUYERS = ALIVE.outerjoin(AddressRow, _BOOKED).add_columns(*addresses.postal_columns("billing_"))

Buyer = tuple[Holder | None, dict[str, Any] | None]


def holders(session: Session, claims: Sequence[Claim]) -> list[Buyer]:
    """Return what `sessions.holders` does, each with the default billing address of the address book, or None."""
    found = {
        row.family: row for row in execute_core(session, _BUYERS, {"families": [claim.session for claim in claims]})
    }
    rows = [found.get(claim.session) for claim in claims]
    return [(sessions.holder(claim, row), _billing(row)) for claim, row in zip(claims, rows, strict=True)]


def _billing(row: Any) -> dict[str, Any] | None:
    if row is None or row.billing_country is None:
        return None
    return {name: getattr(row, f"billing_{name}") for name in addresses.POSTAL}
