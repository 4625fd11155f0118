"""Refusals of prices, coupons and rates."""

from __future__ import annotations

from shop.kernel.errors import Refusal


class NoPrice(Refusal):
    """An item has no price in the cart's currency, and prices are never converted."""

    code, title = "no_price_in_currency", "No price in this currency"


class CouponNotUsable(Refusal):
    """The coupon is expired, used up, or has no effect on this cart; `reason` says which."""

    code, title = "coupon_not_usable", "This coupon can not be used"


class CouponTaken(Refusal):
    code, title = "code_taken", "There is a coupon with this code"


class ShippingMethodTaken(Refusal):
    code, title = "code_taken", "There is a shipping method with this code"
