"""The sums of an invoice, and its net and tax by rate: both add up to the order's total exactly. In minor units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from letters.papers import Part
from shop.kernel.rounding import part, spread
from shop.orders.orders import OrderRow

Sums = list[tuple[str, int | None, int]]


def by_rate(order: OrderRow) -> list[Part]:
    """Return net and tax by rate, goods and shipping together, the highest rate first; one part for older orders."""
    if order.taxes:
        return [Part(one["rate"], one["net"], one["tax"]) for one in order.taxes]
    return [Part(None, order.total - order.tax, order.tax)]


def of(order: OrderRow) -> Sums:
    """Return (what, rate, amount) from the subtotal on, leaving out zeros; discounts are negative."""
    taxes = [] if order.tax_included else [("tax", one.rate, one.tax) for one in by_rate(order)]
    found: Sums = [("subtotal", None, order.subtotal), *_discounts(order), *_shipping(order), *taxes]
    return [one for one in found if one[2]]


def _discounts(order: OrderRow) -> Sums:
    sums: dict[int | None, int] = defaultdict(int)
    for line in order.lines:
        sums[line.tax_rate] -= line.discount
    return [("discount", rate, amount) for rate, amount in sums.items()]


def _shipping(order: OrderRow) -> Sums:
    """Return shipping by rate: what is left of each rate after its goods."""
    if not order.taxes:
        return [("shipping", None, order.shipping)]
    goods = _goods(order)
    return [("shipping", one.rate, one.net + (one.tax if order.tax_included else 0) - goods[one.rate])
            for one in by_rate(order)]  # fmt: skip


def _goods(order: OrderRow) -> dict[int | None, int]:
    sums: dict[int | None, int] = defaultdict(int)
    for line in order.lines:
        sums[line.tax_rate] += line.total - line.discount
    return sums


def given_back(
    order: OrderRow, before: Sequence[Part], amount: int, goods: Mapping[int | None, int] | None = None
) -> list[Part]:
    """Split a refund of `amount` by tax rate, after the parts `before` were given back of this order.

    As far as it is for returned `goods` (their worth by rate), by those; the rest in proportion to what is left of each
    rate. No sequence of refunds gives more of a rate than the invoice has, and all of them together give exactly that.
    """
    rates = {str(one.rate): one.rate for one in by_rate(order)}
    left = {str(one.rate): [one.net, one.tax] for one in by_rate(order)}
    for one in before:
        left[str(one.rate)][0] -= one.net
        left[str(one.rate)][1] -= one.tax
    gross = {rate: net + tax for rate, (net, tax) in left.items()}
    shares = _shares(amount, gross, {str(rate): value for rate, value in (goods or {}).items()})
    taxes = {rate: part(share, left[rate][1], gross[rate]) if share else 0 for rate, share in shares.items()}
    return [Part(rates[rate], share - taxes[rate], taxes[rate]) for rate, share in shares.items() if share]


def _shares(amount: int, left: Mapping[str, int], goods: Mapping[str, int]) -> dict[str, int]:
    """Split the amount by rate, at most what is left of each: first to the goods, then in proportion."""
    first = {rate: min(value, goods.get(rate, 0)) for rate, value in left.items()}
    of_goods = spread(min(amount, sum(first.values())), first)
    rest = {rate: value - of_goods[rate] for rate, value in left.items()}
    others = spread(min(amount - sum(of_goods.values()), sum(rest.values())), rest)
    return {rate: of_goods[rate] + others[rate] for rate in left}
