"""What a cart costs, worked out on the server from what is in force at this moment. docs/prices.md says the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from shop import discounts
from shop.discounts import Applied
from shop.money import Money
from shop.offers import Kind, Offer
from shop.priced_line import PricedLine
from shop.rounding import BASIS_POINTS, part
from shop.tariffs import ShippingMethod, Tariffs

CURRENCY = "EUR"


@dataclass(frozen=True)
class Terms:
    """What is in force for one cart: offers, shipping, the taxes of the country that it goes to."""

    tariffs: Tariffs
    country: str
    offers: Sequence[Offer] = ()
    tax_included: bool = True


@dataclass(frozen=True)
class Quote:
    """The sum, and how it came about: `breakdown` adds up to `total`.

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


def quote(lines: Sequence[PricedLine], terms: Terms, shipping_method: str | None) -> Quote:
    """Price these lines; without a method, without shipping."""
    method = terms.tariffs.method(shipping_method) if shipping_method else None
    applied = discounts.apply(lines, terms.offers)
    priced = [_priced(line, applied, terms) for line in lines]
    subtotal, discount = _sum(line.total for line in priced), _sum(line.discount for line in priced)
    full = Money(method.cost((subtotal - discount).amount) if method and lines else 0, CURRENCY)
    free = [one for one in applied if one.offer.kind == Kind.FREE_SHIPPING]
    shipping = Money(0, CURRENCY) if free else full
    shipping_tax = _tax(shipping.amount, method.tax_class, terms) if method else Money(0, CURRENCY)
    tax = _sum([*(line.tax for line in priced), shipping_tax])
    return Quote(
        priced,
        shipping,
        subtotal,
        discount,
        tax,
        shipping_tax,
        total=subtotal - discount + shipping + (Money(0, CURRENCY) if terms.tax_included else tax),
        tax_included=terms.tax_included,
        applied=frozenset(one.offer.id for one in applied),
        breakdown=_breakdown(priced, applied, method if lines else None, full, tax if not terms.tax_included else None),
    )


def _priced(line: PricedLine, applied: Sequence[Applied], terms: Terms) -> PricedLine:
    discount = Money(sum(one.off.get(line.sku, 0) for one in applied), CURRENCY)
    return replace(line, discount=discount, tax=_tax((line.total - discount).amount, line.tax_class, terms))


def _tax(amount: int, tax_class: str, terms: Terms) -> Money:
    """Rounded here, line by line: the sum on an invoice is the sum of its lines."""
    rate = terms.tariffs.tax(terms.country, tax_class)
    return Money(part(amount, rate, BASIS_POINTS + rate if terms.tax_included else BASIS_POINTS), CURRENCY)


def _breakdown(
    lines: Sequence[PricedLine],
    applied: Sequence[Applied],
    method: ShippingMethod | None,
    shipping: Money,
    tax: Money | None,
) -> tuple[tuple[str, Money], ...]:
    parts = [(f"{line.quantity} x {line.name}", line.total) for line in lines]
    parts += [(one.offer.name, Money(-one.sum, CURRENCY)) for one in applied if one.sum]
    if method:
        parts.append((f"Shipping, {method.code}", shipping))
    free = [one for one in applied if one.offer.kind == Kind.FREE_SHIPPING]
    if free and shipping.amount:
        parts.append((free[0].offer.name, shipping * -1))
    if tax and tax.amount:
        parts.append(("Tax", tax))
    return tuple(parts)


def _sum(amounts: Iterable[Money]) -> Money:
    return sum(amounts, Money(0, CURRENCY))
