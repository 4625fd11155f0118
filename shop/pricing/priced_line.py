"""One line of a cart with what its price depends on."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.currencies import OURS
from shop.kernel.money import Money

NOTHING = Money(0, OURS)


@dataclass(frozen=True)
class PricedLine:
    """One line. `discount` and `tax` are of the whole line; `total` is before both."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    product_id: str | None = None
    category: str | None = None  # its path
    tax_class: str = "standard"
    discount: Money = NOTHING
    tax: Money = NOTHING
    tax_rate: int = 0  # in hundredths of a per cent

    @property
    def total(self) -> Money:
        return self.unit_price * self.quantity
