"""What a cart costs, worked out on the server from the prices of this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shop.errors import Invalid
from shop.money import Money

CURRENCY = "EUR"
SHIPPING: Mapping[str, Money] = {"standard": Money(490, CURRENCY), "express": Money(1290, CURRENCY)}


@dataclass(frozen=True)
class PricedLine:
    sku: str
    name: str
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        return self.unit_price * self.quantity


@dataclass(frozen=True)
class Quote:
    """The sum, and how it came about: `breakdown` adds up to `total`."""

    lines: Sequence[PricedLine]
    shipping: Money
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    breakdown: Sequence[tuple[str, Money]] = field(default_factory=tuple)


def quote(lines: Sequence[PricedLine], shipping_method: str | None) -> Quote:
    """Price these lines. Prices are tax included; until tax rules exist no part is shown as tax."""
    zero = Money(0, CURRENCY)
    subtotal = sum((line.total for line in lines), zero)
    shipping = shipping_rate(shipping_method) if shipping_method and lines else zero
    total = subtotal + shipping
    breakdown = [(f"{line.quantity} x {line.name}", line.total) for line in lines]
    if shipping_method and lines:
        breakdown.append((f"Shipping, {shipping_method}", shipping))
    return Quote(lines, shipping, subtotal, zero, zero, total, tuple(breakdown))


def shipping_rate(method: str) -> Money:
    if method not in SHIPPING:
        raise Invalid({"shipping_method": [f"One of {', '.join(SHIPPING)}."]})
    return SHIPPING[method]
