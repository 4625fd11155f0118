"""Lines, offers and terms for tests of prices: nothing here asks a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shop.kernel.money import Money
from shop.pricing.offers import Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.quotes import Quote, Terms, quote
from shop.pricing.rates import ShippingMethod, Tariffs

METHODS = {"standard": ShippingMethod("standard", 490), "express": ShippingMethod("express", 1290, free_above=10_000)}
TAXES = {("DE", "standard"): 1900, ("DE", "reduced"): 700}


def line(sku: str = "CHAIR", price: int = 1000, quantity: int = 1, **more: Any) -> PricedLine:
    return PricedLine(sku, sku.title(), quantity, Money(price, "EUR"), **{"category": "furniture/chairs"} | more)


def offer(kind: str, *, id: str = "", **more: Any) -> Offer:
    return Offer(id=id or f"{kind} {sorted(more.items())}", kind=kind, name=kind, **more)


def priced(
    lines: Sequence[PricedLine],
    *offers: Offer,
    method: str | None = None,
    country: str = "FR",  # where no tax is known
    tax_included: bool = True,
) -> Quote:
    return quote(lines, Terms(Tariffs(METHODS, TAXES), country, offers, tax_included), method)
