"""The conditions under which an order got its discounts, kept with it; and which of them fail when goods come back.

An order is never repriced: offers change and go. So each applied offer is written down with the order and stands for
itself: either it holds for the goods that stay, or its share of them is lost.
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
OF_SHIPPING = (FREE_ABOVE, Kind.FREE_SHIPPING)
Condition = Mapping[str, Any]
Loss = tuple[str, int]
"""What one condition loses: the name of its offer, which others may have too, and minor units with tax."""


@dataclass(frozen=True)
class Kept:
    """How many units of a line stay. `unit_price` and `off` (by offer, of the whole line) in minor units."""

    sku: str
    kept: int
    quantity: int
    unit_price: int
    tax_rate: int = 0  # on top, in hundredths of a per cent; 0 where prices include it

    @property
    def worth(self) -> int:
        return self.unit_price * self.kept

    def of(self, whole: int) -> int:
        """Return the part of `whole`, an amount of the whole line, that falls on the units that stay."""
        return whole * self.kept // self.quantity


def of_offers(applied: Sequence[Applied], lines: Sequence[PricedLine], shipping: int) -> Iterator[dict[str, Any]]:
    """List the conditions of the applied offers, as documents.

    `shipping`: its full cost, with tax that comes on top.
    """
    for one in applied:
        offer = one.offer
        said = {name: getattr(offer, name) for name in ("name", "kind", "minimum", "percent", "buy", "free")}
        covered = [line.sku for line in lines if offer.covers(line)]
        free = shipping if offer.kind == Kind.FREE_SHIPPING else 0
        yield {**said, "covered": covered, "off": {sku: n for sku, n in one.off.items() if n}, "shipping": free}


def of_shipping(method: ShippingMethod, shipping: int) -> dict[str, Any]:
    """Return the condition of shipping that was free because of the goods' value."""
    said = {"name": method.code, "kind": FREE_ABOVE, "minimum": method.free_above}
    return {**said, "covered": None, "off": {}, "shipping": shipping}


def lost(conditions: Sequence[Condition], kept: Sequence[Kept]) -> list[Loss]:
    """Compute what is lost when only `kept` stays. Empty where nothing stays."""
    staying = [line for line in kept if line.kept]
    if not staying:
        return []
    losses = [(one, _lost(one, staying)) for one in conditions if one["kind"] not in OF_SHIPPING]
    off = sum(line.of(one["off"].get(line.sku, 0)) for one, _ in losses for line in staying)
    goods = sum(line.worth for line in staying) - off + sum(net for _, (net, _) in losses)
    found = [(str(one["name"]), gross) for one, (_, gross) in losses if gross]
    return found + _shipping_lost([one for one in conditions if one["kind"] in OF_SHIPPING], staying, goods)


def _lost(condition: Condition, staying: Sequence[Kept]) -> tuple[int, int]:
    """Compute the discount lost with this condition: without tax that comes on top, and with it."""
    covered = _covered(condition, staying)
    still = _still_off(condition, covered) if _is_reached(condition, staying) else {}
    parts = [(line, line.of(condition["off"].get(line.sku, 0)) - still.get(line.sku, 0)) for line in covered]
    gross = sum(net + _tax(line, net) for line, net in parts)
    return max(0, sum(net for _, net in parts)), max(0, gross)


def _shipping_lost(conditions: Sequence[Condition], staying: Sequence[Kept], goods: int) -> list[Loss]:
    """Return the shipping that was free, once, when nothing that made it free holds. `goods`: after discounts."""
    if any(_is_still_free(one, staying, goods) for one in conditions):
        return []
    return [(str(one["name"]), int(one["shipping"])) for one in conditions if one["shipping"]][:1]


def _is_still_free(condition: Condition, staying: Sequence[Kept], goods: int) -> bool:
    if condition["kind"] == FREE_ABOVE:
        return bool(goods >= condition["minimum"])
    return _is_reached(condition, staying) and bool(_covered(condition, staying))


def _is_reached(condition: Condition, staying: Sequence[Kept]) -> bool:
    return sum(line.worth for line in staying) >= (condition["minimum"] or 0)


def _covered(condition: Condition, staying: Sequence[Kept]) -> list[Kept]:
    return [line for line in staying if line.sku in condition["covered"]]


def _still_off(condition: Condition, covered: Sequence[Kept]) -> dict[str, int]:
    """Compute the discount, by SKU, that a condition which holds still gives. Buy-X-get-Y is counted anew."""
    if condition["kind"] != Kind.BUY_X_GET_Y:
        return {line.sku: line.of(condition["off"].get(line.sku, 0)) for line in covered}
    lines = [PricedLine(line.sku, line.sku, line.kept, Money(line.unit_price, "EUR")) for line in covered]
    how = {name: condition[name] for name in ("percent", "buy", "free")}
    applied = discounts.apply(lines, [Offer(id="", kind=Kind.BUY_X_GET_Y, **how)])
    return dict(applied[0].off) if applied else {}


def _tax(line: Kept, net: int) -> int:
    return part(net, line.tax_rate, BASIS_POINTS) if net > 0 else -part(-net, line.tax_rate, BASIS_POINTS)
