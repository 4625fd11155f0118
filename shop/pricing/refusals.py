"""What prices, coupons and rates refuse."""

from __future__ import annotations

from shop.kernel.errors import Refusal


class NoPrice(Refusal):
    """Nobody has said what it costs in the cart's currency, and nothing is converted."""

    code, title = "no_price_in_currency", "No price in this currency"


class CouponNotUsable(Refusal):
    """Expired, used up, or of no effect on this cart; `reason` says which."""

    code, title = "coupon_not_usable", "This coupon can not be used"


class CouponTaken(Refusal):
    code, title = "code_taken", "There is a coupon with this code"


class ShippingMethodTaken(Refusal):
    code, title = "code_taken", "There is a shipping method with this code"
