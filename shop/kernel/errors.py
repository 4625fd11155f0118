"""How the shop says no. Each refusal is a class that carries its code and its HTTP status; one handler renders all."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A rule of the shop was not met. `detail` is for people; `code` is stable; `more` joins the problem document."""

    status = 409
    code = "refused"
    title = "Not possible"

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.more = more


class NotFound(Refusal):
    """It does not exist, or it is somebody else's: the answer is the same."""

    status, code, title = 404, "not_found", "Not found"


class Invalid(Refusal):
    """The request is well-formed and makes no sense; `errors` says which field and why."""

    status, code, title = 422, "validation_failed", "Validation failed"

    def __init__(self, errors: dict[str, list[str]], detail: str = "") -> None:
        super().__init__(detail or "Some fields are not as they must be.", errors=errors)


class Unauthenticated(Refusal):
    status, code, title = 401, "unauthenticated", "Authentication needed"


class Forbidden(Refusal):
    status, code, title = 403, "forbidden", "Not allowed"


class OutOfStock(Refusal):
    code, title = "out_of_stock", "Out of stock"


class NoPrice(Refusal):
    """Nobody has said what it costs in the cart's currency, and nothing is converted."""

    code, title = "no_price_in_currency", "No price in this currency"


class TotalChanged(Refusal):
    """The order comes to something else than its shopper has seen; `total` is what it comes to now."""

    code, title = "total_changed", "It costs something else now"


class EmptyCart(Refusal):
    code, title = "cart_empty", "The cart is empty"


class IllegalMove(Refusal):
    """The order is not in a state from which it can go there."""

    code, title = "illegal_state", "Not possible in this state"


class NotPaidFor(Refusal):
    """Goods that would be sent, and whose share of the money is not there."""

    code, title = "not_paid_for", "Not paid for"


class TooMany(Refusal):
    """More than was ordered, or than was shipped."""

    code, title = "too_many", "More than there are"


class EmailTaken(Refusal):
    code, title = "email_taken", "This e-mail address has an account"


class CouponNotUsable(Refusal):
    """Expired, used up, or of no effect on this cart; `reason` says which."""

    code, title = "coupon_not_usable", "This coupon can not be used"


class CodeTaken(Refusal):
    code, title = "code_taken", "There is a coupon with this code"


class KeyReused(Refusal):
    """The same Idempotency-Key came with another request."""

    status, code, title = 422, "idempotency_key_reused", "Idempotency key reused"


class SlugTaken(Refusal):
    code, title = "slug_taken", "This slug is taken"


class SkuTaken(Refusal):
    code, title = "sku_taken", "This SKU is taken"


class PathTaken(Refusal):
    code, title = "path_taken", "There is such a category"


class CategoryInUse(Refusal):
    code, title = "category_in_use", "The category is not empty"


class Unconditional(Refusal):
    """An edit must say which version it was made from."""

    status, code, title = 428, "precondition_required", "If-Match needed"


class Stale(Refusal):
    """Somebody else has edited it since."""

    status, code, title = 412, "stale", "Changed in the meantime"
