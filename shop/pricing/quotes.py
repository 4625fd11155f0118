"""Quotes: what a cart costs, by what is in force at this moment. docs/prices.md has the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shop.kernel.currencies import OURS
from shop.kernel.money import Money
from shop.pricing import discount_conditions as conditions
from shop.pricing import discounts, taxes
from shop.pricing.discounts import Applied
from shop.pricing.offers import Kind, Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.rates import ShippingMethod, Tariffs


@dataclass(frozen=True)
class Terms:
    """What is in force for one cart: offers, shipping, the taxes of its destination; all in its currency."""

    tariffs: Tariffs
    country: str
    offers: Sequence[Offer] = ()
    tax_included: bool = True
    currency: str = OURS

    def money(self, amount: int) -> Money:
        return Money(amount, self.currency)


@dataclass(frozen=True)
class Quote:
    """The price of a cart and its parts; `breakdown` adds up to `total`.

    total = subtotal - discount + shipping, and + tax where prices do not include it. `discount` is on goods only;
    `shipping` is what is left of it after free shipping. `tax` is that of all lines and of shipping.
    """

    lines: Sequence[PricedLine]
    shipping: Money
    subtotal: Money
    discount: Money
    tax: Money
    shipping_tax: Money
    total: Money
    tax_included: bool = True
    applied: frozenset[str] = frozenset()  # ids of offers
    breakdown: Sequence[tuple[str, Money]] = field(default_factory=tuple)
    taxes: Sequence[dict[str, int]] = field(default_factory=tuple)  # by rate: of goods and shipping
    conditions: Sequence[dict[str, Any]] = field(default_factory=tuple)


def quote(lines: Sequence[PricedLine], terms: Terms, shipping_method: str | None) -> Quote:
    """Price these lines, which are in the currency of the terms. None as method: without shipping.

    Raises Invalid for a shipping method that is not offered in this currency.
    """
    method = terms.tariffs.method(shipping_method) if shipping_method and lines else None
    applied = discounts.apply(lines, [offer for offer in terms.offers if offer.is_for(terms.currency)])
    priced, nothing = [_priced(line, applied, terms) for line in lines], terms.money(0)
    subtotal, discount = sum((line.total for line in priced), nothing), sum((line.discount for line in priced), nothing)
    full = terms.money(method.cost((subtotal - discount).amount) if method else 0)
    free = [one for one in applied if one.offer.kind == Kind.FREE_SHIPPING]
    shipping = nothing if free else full
    parts = taxes.of_shipping(shipping.amount, method, priced, terms) if method else []
    shipping_tax = terms.money(sum(one.tax for one in parts))
    tax = sum((line.tax for line in priced), shipping_tax)
    return Quote(
        priced,
        shipping,
        subtotal,
        discount,
        tax,
        shipping_tax,
        total=subtotal - discount + shipping + (nothing if terms.tax_included else tax),
        tax_included=terms.tax_included,
        applied=frozenset(one.offer.id for one in applied),
        breakdown=_breakdown(priced, applied, method, full, tax if not terms.tax_included else None),
        taxes=taxes.by_rate(priced, parts, terms.tax_included),
        conditions=_conditions(applied, priced, method, terms),
    )


def _priced(line: PricedLine, applied: Sequence[Applied], terms: Terms) -> PricedLine:
    discount = terms.money(sum(one.off.get(line.sku, 0) for one in applied))
    rate = terms.tariffs.tax(terms.country, line.tax_class)
    tax = terms.money(taxes.of(line.total.amount - discount.amount, rate, terms.tax_included))
    return replace(line, discount=discount, tax=tax, tax_rate=rate)


def _conditions(
    applied: Sequence[Applied], lines: Sequence[PricedLine], method: ShippingMethod | None, terms: Terms
) -> list[dict[str, Any]]:
    """List what was given, and under which conditions, as documents to keep with the order."""
    goods = sum(line.total.amount - line.discount.amount for line in lines)
    is_free = method is not None and method.free_above is not None and goods >= method.free_above
    shipping = _shipping_in_full(method, lines, terms) if method else 0
    of_offers = list(conditions.of_offers(applied, lines, 0 if is_free else shipping))
    return [*of_offers, *([conditions.of_shipping(method, shipping)] if method and is_free and method.rate else [])]


def _shipping_in_full(method: ShippingMethod, lines: Sequence[PricedLine], terms: Terms) -> int:
    tax = sum(one.tax for one in taxes.of_shipping(method.rate, method, lines, terms))
    return method.rate + (0 if terms.tax_included else tax)


def _breakdown(
    lines: Sequence[PricedLine],
    applied: Sequence[Applied],
    method: ShippingMethod | None,
    shipping: Money,
    tax: Money | None,
) -> tuple[tuple[str, Money], ...]:
    parts = [(f"{line.quantity} x {line.name}", line.total) for line in lines]
    parts += [(one.offer.name, Money(-one.sum, shipping.currency)) for one in applied if one.sum]
    if method:
        parts.append((f"Shipping, {method.code}", shipping))
    free = [one for one in applied if one.offer.kind == Kind.FREE_SHIPPING]
    if free and shipping.amount:
        parts.append((free[0].offer.name, shipping * -1))
    if tax and tax.amount:
        parts.append(("Tax", tax))
    return tuple(parts)
