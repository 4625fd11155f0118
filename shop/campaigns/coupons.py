"""Coupons in campaigns: one code for all, or a copy for each recipient that can be redeemed once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, String, literal, select, update
from sqlalchemy.orm import Session

from db.bulk import Many
from db.functions import statement_time, transaction_time
from db.schema import new_id
from db.statements import INSERT, table_of
from shop.campaigns.tables import RecipientRow
from shop.kernel.errors import Invalid
from shop.pricing.offers import CODE_LENGTH, OfferRow

LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without look-alikes
PERSONAL = 12
OWN = frozenset({"id", "code", "total_limit", "per_customer", "uses"})
OWN_TIMES = frozenset({"started_told_at", "ended_told_at", "created_at", "updated_at"})
"""What a copy has of its own. Every other column of an offer is copied, the next one too."""
COPIED = tuple(one.key for one in table_of(OfferRow).columns if one.key not in OWN | OWN_TIMES)


def check(session: Session, code: str | None, *, personal: bool) -> None:
    """Raise Invalid when there is no such coupon, or its code is too long to be copied. None is accepted."""
    if code is None:
        return
    if personal and len(code) > CODE_LENGTH - PERSONAL - 1:
        raise Invalid({"coupon": [f"A code to be copied has at most {CODE_LENGTH - PERSONAL - 1} characters."]})
    if _pattern(session, code) is None:
        raise Invalid({"coupon": [f"There is no coupon {code}."]})


def hand_out(session: Session, run_id: str, user_ids: Sequence[str], code: str) -> dict[str, str]:
    """Create a coupon for each of these recipients, who have none yet. Returns the codes by user.

    Empty when the coupon to copy is gone.
    """
    if not user_ids or _pattern(session, code) is None:
        return {}
    codes = {user: f"{code}-{_random()}" for user in user_ids}
    _COPY(session, [{"id": new_id(), "code": one, "pattern": code} for one in codes.values()])
    _KEEP(session, [{"run_id": run_id, "user_id": user, "coupon_code": one} for user, one in codes.items()])
    return codes


def _pattern(session: Session, code: str) -> str | None:
    return session.scalar(select(OfferRow.id).where(OfferRow.code == code))


def _random() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PERSONAL))


def _copying(kind: str, given: Any) -> Any:
    """Copy the conditions of the pattern, for a single use."""
    offers, pattern = table_of(OfferRow), table_of(OfferRow).alias("pattern")
    fresh = {"id": given.id, "code": given.code, "uses": literal(0), "total_limit": literal(1)}
    values = fresh | {"per_customer": literal(1), "created_at": transaction_time(), "updated_at": transaction_time()}
    values |= {name: pattern.c[name] for name in COPIED}
    these = select(*values.values()).where(pattern.c.code == given.pattern)
    return INSERT[kind](offers).from_select([*values], these)


def _keeping(_: str, given: Any) -> Any:
    row = table_of(RecipientRow)
    here = (row.c.run_id == given.run_id, row.c.user_id == given.user_id)
    return update(row).where(*here).values(coupon_code=given.coupon_code, updated_at=statement_time())


_OFFERS, _ROWS = table_of(OfferRow).c, table_of(RecipientRow).c
_COPY = Many(_copying, _OFFERS.id, _OFFERS.code, Column("pattern", String))
_KEEP = Many(_keeping, _ROWS.run_id, _ROWS.user_id, _ROWS.coupon_code)
