"""Promotions and coupons for tests, made by staff over HTTP or straight in the table."""

from __future__ import annotations

from typing import Any

import db
from shop.pricing import offer_admin
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from tests.api.catalogue_data import count
from tests.api.clients import Person

TEN_OFF: dict[str, Any] = {"name": "Ten off", "kind": "percentage", "percent": 10}


def promotion(**more: Any) -> str:
    with db.transaction() as session:
        return offer_admin.make(session, _as_stored(TEN_OFF | more)).id


def coupon(code: str = "SPRING", **more: Any) -> str:
    with db.transaction() as session:
        return offer_admin.make(session, _as_stored(TEN_OFF | {"code": code} | more)).id


def _as_stored(wish: dict[str, Any]) -> dict[str, Any]:
    """`percent` in hundredths."""
    return wish | {"percent": wish["percent"] and wish["percent"] * 100}


def uses(code: str = "SPRING") -> tuple[int, int]:
    """What the coupon says, and how many orders hold one."""
    with db.reading() as session:
        said = offer_admin.coupon(session, code).uses
    return said, count(CouponRedemptionRow, CouponRedemptionRow.given_back_at.is_(None))


def filled(person: Person, sku: str = "CHAIR", code: str | None = "SPRING") -> Person:
    """With a cart that has this in it, and a coupon."""
    assert person.post("/api/cart/me", {"sku": sku, "quantity": 1}).status_code == 200
    if code:
        answer = person.post("/api/cart/me/coupons", {"code": code})
        assert answer.status_code == 200, answer.text
    return person
