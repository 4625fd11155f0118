"""The sums of an invoice, and what of them bears tax at which rate: both add up to the order's total, to the unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from letters.papers import Part
from shop.orders import OrderRow
from shop.rounding import part, spread

Sums = list[tuple[str, int | None, int]]


def by_rate(order: OrderRow) -> list[Part]:
    """Of goods and shipping together, the highest rate first; of older orders in one sum."""
    if order.taxes:
        return [Part(one["rate"], one["net"], one["tax"]) for one in order.taxes]
    return [Part(None, order.total - order.tax, order.tax)]


def of(order: OrderRow) -> Sums:
    """(what, rate, amount) from the subtotal on, without those that are zero; discounts are negative."""
    taxes = [] if order.tax_included else [("tax", one.rate, one.tax) for one in by_rate(order)]
    found: Sums = [("subtotal", None, order.subtotal), *_discounts(order), *_shipping(order), *taxes]
    return [one for one in found if one[2]]


def _discounts(order: OrderRow) -> Sums:
    sums: dict[int | None, int] = defaultdict(int)
    for line in order.lines:
        sums[line.tax_rate] -= line.discount
    return [("discount", rate, amount) for rate, amount in sums.items()]


def _shipping(order: OrderRow) -> Sums:
    """By rate: what is left of each rate when the goods are taken off."""
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


def given_back(order: OrderRow, before: Sequence[Part], amount: int) -> list[Part]:
    """What of each rate is in `amount`, after `before` was given back of this order.

    In the proportion of what is left, so that no sequence of refunds gives more of a rate than the invoice has, and
    all of them together give just that.
    """
    left = {str(one.rate): [one.net, one.tax] for one in by_rate(order)}
    for one in before:
        left[str(one.rate)][0] -= one.net
        left[str(one.rate)][1] -= one.tax
    gross = {rate: net + tax for rate, (net, tax) in left.items()}
    shares = spread(min(amount, sum(gross.values())), gross)
    taxes = {rate: part(share, left[rate][1], gross[rate]) if share else 0 for rate, share in shares.items()}
    rates = {str(one.rate): one.rate for one in by_rate(order)}
    return [Part(rates[rate], share - taxes[rate], taxes[rate]) for rate, share in shares.items() if share]
