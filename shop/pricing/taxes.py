"""Tax, line by line and by rate. Shipping shares the rates of the goods where the law of the country says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shop.kernel.rounding import BASIS_POINTS, part, spread
from shop.pricing.priced_line import PricedLine
from shop.pricing.rates import ShippingMethod, Tariffs


class Where(Protocol):
    """The part of a cart's terms that its taxes depend on."""

    @property
    def tariffs(self) -> Tariffs: ...
    @property
    def country(self) -> str: ...
    @property
    def tax_included(self) -> bool: ...


@dataclass(frozen=True)
class Part:
    """A part of an amount, taxed at one rate, in hundredths of a per cent. `net` is without the tax."""

    rate: int
    net: int
    tax: int


def of(amount: int, rate: int, included: bool) -> int:
    """Compute the tax in `amount`, or on it where it is not `included`.

    Rounded line by line: an invoice's sum is that of its lines.
    """
    return part(amount, rate, BASIS_POINTS + rate if included else BASIS_POINTS)


def of_shipping(shipping: int, method: ShippingMethod, lines: Sequence[PricedLine], where: Where) -> list[Part]:
    """Split shipping over the rates of the goods, in the proportion of their values after discounts, or tax it at the
    method's own rate.

    Each part is rounded.
    """
    own = where.tariffs.tax(where.country, method.tax_class)
    like_goods = where.tariffs.is_shipped_like_goods(where.country, method.tax_class)
    goods = _values(lines) if like_goods else {}
    shares = spread(shipping, goods) if goods else {str(own): shipping}
    return [_part(amount, int(rate), where.tax_included) for rate, amount in shares.items() if amount]


def _values(lines: Sequence[PricedLine]) -> dict[str, int]:
    """Sum what is paid for goods, by rate; where all are free, what they would cost."""
    for less in (True, False):
        values: dict[str, int] = defaultdict(int)
        for line in lines:
            values[str(line.tax_rate)] += line.total.amount - (line.discount.amount if less else 0)
        if any(values.values()):
            return dict(values)
    return {}


def _part(amount: int, rate: int, included: bool) -> Part:
    tax = of(amount, rate, included)
    return Part(rate, amount - tax if included else amount, tax)


def by_rate(lines: Sequence[PricedLine], shipping: Sequence[Part], included: bool) -> list[dict[str, int]]:
    """Sum net and tax of goods and shipping by rate, as on an invoice, the highest rate first.

    Untaxed amounts are at 0.
    """
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        paid = line.total.amount - line.discount.amount
        _add(sums[line.tax_rate], paid - line.tax.amount if included else paid, line.tax.amount)
    for one in shipping:
        _add(sums[one.rate], one.net, one.tax)
    found = [{"rate": rate, "net": net, "tax": tax} for rate, (net, tax) in sorted(sums.items(), reverse=True)]
    return [one for one in found if one["net"] or one["tax"]]


def _add(sums: list[int], net: int, tax: int) -> None:
    sums[0] += net
    sums[1] += tax
