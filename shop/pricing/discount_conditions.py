"""On which conditions an order got what it got off, kept with it; and what of that is lost when goods come back.

An order is never worked out anew: offers change and go. So what was applied is written down with it, offer by offer,
and each stands for itself: it holds for the goods that stay, or its share of them is not theirs any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shop.kernel.money import Money
from shop.kernel.rounding import BASIS_POINTS, part
from shop.pricing import discounts
from shop.pricing.discounts import Applied
from shop.pricing.offers import Kind, Offer
from shop.pricing.priced_line import PricedLine
from shop.pricing.rates import ShippingMethod

FREE_ABOVE = "free_above"  # not an offer: the shipping method itself
Condition = Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """So many of a line stay. `unit_price` and `off` (by offer, of the whole line) in minor units."""

    sku: str
    kept: int
    quantity: int
    unit_price: int
    tax_rate: int = 0  # on top, in hundredths of a per cent; 0 where prices include it

    @property
    def worth(self) -> int:
        return self.unit_price * self.kept

    def of(self, whole: int) -> int:
        return whole * self.kept // self.quantity


def of_offers(applied: Sequence[Applied], lines: Sequence[PricedLine], shipping: int) -> Iterator[dict[str, Any]]:
    """`shipping`: what it would have cost, with its tax where that comes on top."""
    for one in applied:
        offer = one.offer
        said = {name: getattr(offer, name) for name in ("name", "kind", "minimum", "percent", "buy", "free")}
        covered = [line.sku for line in lines if offer.covers(line)]
        free = shipping if offer.kind == Kind.FREE_SHIPPING else 0
        yield {**said, "covered": covered, "off": {sku: n for sku, n in one.off.items() if n}, "shipping": free}


def of_shipping(method: ShippingMethod, shipping: int) -> dict[str, Any]:
    said = {"name": method.code, "kind": FREE_ABOVE, "minimum": method.free_above}
    return {**said, "covered": None, "off": {}, "shipping": shipping}


def lost(conditions: Sequence[Condition], kept: Sequence[Kept]) -> dict[str, int]:
    """By the name of what holds no longer: what it had taken off that is still there. Nothing where nothing stays."""
    staying = [line for line in kept if line.kept]
    if not staying:
        return {}
    losses = [(condition, _lost(condition, staying)) for condition in conditions if condition["kind"] != FREE_ABOVE]
    off = sum(line.of(one["off"].get(line.sku, 0)) for one, _ in losses for line in staying)
    goods = sum(line.worth for line in staying) - off + sum(net for _, (net, _) in losses)
    found = {str(one["name"]): gross for one, (_, gross) in losses if gross}
    for one in conditions:
        if one["kind"] == FREE_ABOVE and goods < one["minimum"]:
            found[str(one["name"])] = one["shipping"]
    return found


def _lost(condition: Condition, staying: Sequence[Kept]) -> tuple[int, int]:
    """Without tax that comes on top, and with it."""
    holds = sum(line.worth for line in staying) >= (condition["minimum"] or 0)
    covered = [line for line in staying if line.sku in condition["covered"]]
    if condition["kind"] == Kind.FREE_SHIPPING:
        gone = 0 if holds and covered else int(condition["shipping"])
        return 0, gone
    still = _still_off(condition, covered) if holds else {}
    parts = [(line, line.of(condition["off"].get(line.sku, 0)) - still.get(line.sku, 0)) for line in covered]
    gross = sum(net + _tax(line, net) for line, net in parts)
    return max(0, sum(net for _, net in parts)), max(0, gross)


def _still_off(condition: Condition, covered: Sequence[Kept]) -> dict[str, int]:
    """Of so many for the price of fewer the goods that stay are counted anew; the rest is theirs as it was."""
    if condition["kind"] != Kind.BUY_X_GET_Y:
        return {line.sku: line.of(condition["off"].get(line.sku, 0)) for line in covered}
    lines = [PricedLine(line.sku, line.sku, line.kept, Money(line.unit_price, "EUR")) for line in covered]
    how = {name: condition[name] for name in ("percent", "buy", "free")}
    applied = discounts.apply(lines, [Offer(id="", kind=Kind.BUY_X_GET_Y, **how)])
    return dict(applied[0].off) if applied else {}


def _tax(line: Kept, net: int) -> int:
    return part(net, line.tax_rate, BASIS_POINTS) if net > 0 else -part(-net, line.tax_rate, BASIS_POINTS)
