"""Invariants of prices: orders add up, and no coupon is redeemed more often than its limits allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from doctor.checks import invariant
from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.states import GIVEN_UP
from shop.pricing.coupon_redemptions import CouponRedemptionRow
from shop.pricing.offers import OfferRow

LIVE = CouponRedemptionRow.given_back_at.is_(None)


@invariant("I4", "every order's total is the sum of its parts, and no part is negative")
def totals_add_up(session: Session) -> Iterator[str]:
    line = OrderLineRow
    sums = (
        select(line.order_id, *(func.sum(part).label(part.key) for part in (line.total, line.discount, line.tax)))
        .add_columns(func.max(line.discount - line.total).label("over"), func.min(line.discount).label("least"))
        .group_by(line.order_id)
        .subquery()
    )
    for order in session.execute(_with(sums)):
        for fault in _faults(order):
            yield f"order {order.id}: {fault}"


def _with(sums: Any) -> Any:
    order = OrderRow
    parts = [order.id, order.subtotal, order.discount, order.shipping, order.tax, order.shipping_tax, order.total]
    asked = select(*parts, order.tax_included, order.breakdown, order.taxes)
    of_lines = [sums.c[name].label(f"lines_{name}") for name in ("total", "discount", "tax", "over", "least")]
    return asked.add_columns(*of_lines).join(sums, sums.c.order_id == order.id)


def _faults(order: Any) -> Iterator[str]:
    if order.lines_total != order.subtotal:
        yield f"its lines come to {order.lines_total}, its subtotal is {order.subtotal}"
    if order.lines_discount != order.discount:
        yield f"{order.lines_discount} off its lines, {order.discount} off the order"
    if order.taxes and sum(part["tax"] for part in order.taxes) != order.tax:
        yield f"its taxes by rate do not come to {order.tax}"
    if order.lines_tax + order.shipping_tax != order.tax:
        yield f"{order.lines_tax} + {order.shipping_tax} tax on its parts, {order.tax} on the order"
    due = order.subtotal - order.discount + order.shipping + (0 if order.tax_included else order.tax)
    if order.total != due:
        yield f"its parts come to {due}, its total is {order.total}"
    if order.breakdown is not None and sum(part["amount"] for part in order.breakdown) != order.total:
        yield f"its breakdown does not come to {order.total}"
    if order.lines_over > 0 or min(order.lines_least, order.shipping, order.tax, order.total) < 0:
        yield "a discount is larger than its line, or an amount is negative"


@invariant("I8", "no coupon is used more often than it may be, and what failed has given its use back")
def coupons_are_within_their_limits(session: Session) -> Iterator[str]:
    used = dict(session.execute(_uses(CouponRedemptionRow.coupon_id)).all())
    for offer in session.scalars(select(OfferRow).where(OfferRow.code.is_not(None))):
        if offer.uses != used.get(offer.id, 0):
            yield f"coupon {offer.code} says {offer.uses} uses, {used.get(offer.id, 0)} orders hold one"
        if offer.total_limit is not None and offer.uses > offer.total_limit:
            yield f"coupon {offer.code}: {offer.uses} uses of {offer.total_limit}"
    for who in (CouponRedemptionRow.customer_id, CouponRedemptionRow.email, CouponRedemptionRow.account_email):
        yield from _too_often(session, who)
    yield from _kept(session)


def _uses(*by: Any) -> Any:
    return select(*by, func.count().label("uses")).where(LIVE, *(one.is_not(None) for one in by)).group_by(*by)


def _too_often(session: Session, who: Any) -> Iterator[str]:
    uses = _uses(CouponRedemptionRow.coupon_id, who).subquery()
    over = select(OfferRow.code, uses.c[who.key], uses.c.uses, OfferRow.per_customer).join(
        uses, uses.c.coupon_id == OfferRow.id
    )
    for code, person, times, limit in session.execute(over.where(uses.c.uses > OfferRow.per_customer)):
        yield f"coupon {code}: {person} holds {times} uses of {limit}"


def _kept(session: Session) -> Iterator[str]:
    """Find live redemptions whose order was given up or does not exist."""
    kept = (
        select(CouponRedemptionRow.order_id, OrderRow.status)
        .outerjoin(OrderRow, OrderRow.id == CouponRedemptionRow.order_id)
        .where(LIVE, (OrderRow.id.is_(None)) | OrderRow.status.in_(GIVEN_UP))
    )
    for order, status in session.execute(kept):
        yield f"order {order} is {status or 'not there'} and still holds its coupon"
