"""The refusals of checkout: why a cart does not become an order."""

from __future__ import annotations

from shop.kernel.errors import Refusal


class OutOfStock(Refusal):
    code, title = "out_of_stock", "Out of stock"


class TotalChanged(Refusal):
    """The order comes to another total than the customer has seen; `total` is what it comes to now."""

    code, title = "total_changed", "It costs something else now"


class EmptyCart(Refusal):
    code, title = "cart_empty", "The cart is empty"
