"""What offers take off the lines of a cart. Pure arithmetic: no queries, and the order of lines does not matter.

Offers are tried in the order of their priority, the highest first. One that is not stackable applies only where nothing
has been applied before it, and nothing applies after it. Each takes from what those before it have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shop.kernel.rounding import BASIS_POINTS, part, spread
from shop.pricing.offers import Kind, Offer
from shop.pricing.priced_line import PricedLine

Left = dict[str, int]  # SKU -> what the line still costs


@dataclass(frozen=True)
class Applied:
    """An offer, and what it takes off each line: minor units by SKU."""

    offer: Offer
    off: Mapping[str, int] = field(default_factory=dict)

    @property
    def sum(self) -> int:
        return sum(self.off.values())


def apply(lines: Sequence[PricedLine], offers: Iterable[Offer]) -> list[Applied]:
    """Apply the offers to the lines. Returns those that take something off, and free shipping, in the order applied."""
    left = {line.sku: line.total.amount for line in lines}
    subtotal = sum(left.values())
    applied: list[Applied] = []
    for offer in sorted(offers, key=lambda offer: (-offer.priority, offer.id)):
        covered = [line for line in lines if offer.covers(line)]
        if subtotal < offer.minimum or not covered or (applied and not offer.stackable):
            continue
        one = Applied(offer, _OFF[Kind(offer.kind)](offer, covered, left))
        if not (one.sum or offer.kind == Kind.FREE_SHIPPING):
            continue
        applied.append(one)
        left.update({sku: left[sku] - off for sku, off in one.off.items()})
        if not offer.stackable:
            break
    return applied


def _percentage(offer: Offer, lines: Sequence[PricedLine], left: Left) -> Left:
    return {line.sku: part(left[line.sku], offer.percent or 0, BASIS_POINTS) for line in lines}


def _fixed(offer: Offer, lines: Sequence[PricedLine], left: Left) -> Left:
    there = {line.sku: left[line.sku] for line in lines}
    return spread(min(offer.amount or 0, sum(there.values())), there)


def _buy_x_get_y(offer: Offer, lines: Sequence[PricedLine], left: Left) -> Left:
    """Take the price, or `percent` of it, off the cheapest of all the units that are covered."""
    bundle = (offer.buy or 0) + (offer.free or 0)
    free = sum(line.quantity for line in lines) // bundle * (offer.free or 0) if bundle else 0
    off: Left = {}
    for line in sorted(lines, key=lambda line: (line.unit_price.amount, line.sku)):
        units = min(free, line.quantity)
        free -= units
        taken = part(line.unit_price.amount * units, offer.percent or BASIS_POINTS, BASIS_POINTS)
        off[line.sku] = min(left[line.sku], taken)
    return off


def _free_shipping(offer: Offer, lines: Sequence[PricedLine], left: Left) -> Left:
    return {}


_OFF: Mapping[Kind, Callable[[Offer, Sequence[PricedLine], Left], Left]] = {
    Kind.PERCENTAGE: _percentage,
    Kind.FIXED: _fixed,
    Kind.BUY_X_GET_Y: _buy_x_get_y,
    Kind.FREE_SHIPPING: _free_shipping,
}
