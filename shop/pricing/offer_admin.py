"""Administration of offers by staff: create, change, list and remove promotions and coupons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.functions import statement_time
from db.schema import new_id
from shop.kernel.errors import Invalid, NotFound
from shop.pricing import coupon_redemptions, promotion_events
from shop.pricing.offers import Kind, OfferRow, is_over
from shop.pricing.refusals import CouponTaken

NEEDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PERCENTAGE: ("percent",),
    Kind.FIXED: ("amount",),
    Kind.BUY_X_GET_Y: ("buy", "free"),
    Kind.FREE_SHIPPING: (),
}
MAY = {Kind.BUY_X_GET_Y: ("percent",)}
MEANS = ("percent", "amount", "buy", "free")


def listed(session: Session, *, coupons: bool, limit: int, before: str | None) -> list[OfferRow]:
    """List coupons or promotions, newest first, beginning below the id `before`."""
    which = OfferRow.code.is_not(None) if coupons else OfferRow.code.is_(None)
    query = select(OfferRow).where(which).order_by(OfferRow.id.desc()).limit(limit)
    return list(session.scalars(query.where(OfferRow.id < before) if before else query))


def promotion(session: Session, id: str, *, lock: bool = False) -> OfferRow:
    """Load a promotion; `lock` its row until the transaction ends. Raises NotFound, also for a coupon's id."""
    row = session.get(OfferRow, id, with_for_update={"key_share": True} if lock else None)
    if row is None or row.code is not None:
        raise NotFound("There is no such promotion.")
    return row


def coupon(session: Session, code: str, *, lock: bool = False) -> OfferRow:
    """Load a coupon by its code; `lock` its row until the transaction ends. Raises NotFound."""
    query = select(OfferRow).where(OfferRow.code == fold(code))
    row = session.scalars(query.with_for_update(key_share=True) if lock else query).first()
    if row is None:
        raise NotFound("There is no such coupon.")
    return row


def fold(code: str) -> str:
    """Normalise a code to its stored spelling: trimmed and upper case."""
    return code.strip().upper()


def make(session: Session, values: Mapping[str, Any]) -> OfferRow:
    """Create an offer. Raises Invalid, and CouponTaken for a code that exists."""
    row = OfferRow(**{"id": new_id(), "uses": 0, "minimum": 0, **values})
    _check(row)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # two requests at once: the second fails here
        if row.code is None:
            raise
        raise CouponTaken(f"There is a coupon {row.code} already.") from error
    session.refresh(row)
    return row


def change(session: Session, row: OfferRow, values: Mapping[str, Any]) -> OfferRow:
    """Change an offer, whose row the caller has locked, so that redemptions wait.

    Raises Invalid, also for a limit below the uses so far.
    """
    _check_currency(row, values)
    for name, value in values.items():
        setattr(row, name, value)
    _check(row)
    _check_limits(session, row)
    row.updated_at = statement_time()
    session.flush()
    session.refresh(row)
    return row


def remove(session: Session, row: OfferRow) -> None:
    """Delete an offer.

    Orders keep what it took off. A promotion in force ends by it: `promotion.ended` is published.
    """
    promotion_events.withdrawn(session, row)
    session.delete(row)
    session.flush()


def _check(row: OfferRow) -> None:
    kind = Kind(row.kind)
    missing = [name for name in NEEDS[kind] if getattr(row, name) is None]
    allowed = (*NEEDS[kind], *MAY.get(kind, ()))
    strange = [name for name in MEANS if name not in allowed and getattr(row, name) is not None]
    errors = {name: [f"Needed for {kind}."] for name in missing}
    errors |= {name: [f"Means nothing for {kind}."] for name in strange}
    if is_over(row.starts_at, row.ends_at):
        errors["ends_at"] = ["Must be later than starts_at."]
    if errors:
        raise Invalid(errors)


def _check_currency(row: OfferRow, values: Mapping[str, Any]) -> None:
    """Refuse a new currency while an amount of the old one stays."""
    kept = [name for name in ("amount", "minimum") if name not in values and getattr(row, name)]
    if kept and values.get("currency", row.currency) != row.currency:
        raise Invalid({name: [f"Is in {row.currency}: an offer has one currency."] for name in kept})


def _check_limits(session: Session, row: OfferRow) -> None:
    if row.total_limit is not None and row.total_limit < row.uses:
        raise Invalid({"total_limit": [f"It has been used {row.uses} times already."]})
    if row.per_customer is not None and (most := coupon_redemptions.most_by_one(session, row.id)) > row.per_customer:
        raise Invalid({"per_customer": [f"Somebody has used it {most} times already."]})
