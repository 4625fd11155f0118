"""The refund for returned goods: their share of what was paid, less what is not owed of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop.orders.orders import OrderLineRow, OrderRow
from shop.orders.quantities import Quantities, worth
from shop.payments import refund_rows
from shop.pricing import discount_conditions
from shop.pricing.discount_conditions import Kept, Loss


@dataclass(frozen=True)
class Due:
    """What is due for returned goods, in minor units: `refund` is `share` less `kept_back` less `given_before`.

    kept_back: the discounts on goods that stay whose offers no longer hold without these (`lost`, one by one); negative
    where what was kept back of an earlier return is owed now.
    given_before: what was refunded before, or never paid.
    """

    share: int
    kept_back: int
    given_before: int
    lost: Sequence[Loss] = ()

    @property
    def refund(self) -> int:
        return self.share - self.kept_back - self.given_before


def due(session: Session, order: OrderRow, before: Quantities, due_before: int, coming: Quantities) -> Due:
    """Return what is due for the goods `coming` back, after those that came back `before` with `due_before` due.

    The caller has locked the order, unless this is a preview.
    """
    whole, part, lost = for_goods(order, before, due_before, coming)
    given = part - min(part, refund_rows.owed_for_goods(session, order.id))
    return Due(whole, whole - part, given, lost)


def for_goods(
    order: OrderRow, before: Quantities, due_before: int, coming: Quantities
) -> tuple[int, int, Sequence[Loss]]:
    """Return the share of these goods, what of it is due, and the discounts lost with them; in minor units.

    Returns add up in any order: together they are due what all goods that came back are worth, less the discounts lost.
    """
    back = Counter(before) + Counter(coming)
    lost = discount_conditions.lost(order.conditions or [], _kept(order, back))
    all_of_it = max(0, worth(order, back) - sum(amount for _, amount in lost))
    return share(order, before, coming), max(0, all_of_it - due_before), lost


def share(order: OrderRow, before: Quantities, coming: Quantities) -> int:
    """Return what was paid for the goods `coming` back, after those that came back `before`; in minor units.

    Shipping stays with the shop. Parts add up: all of a line together is worth exactly what was paid for it.
    """
    return worth(order, Counter(before) + Counter(coming)) - worth(order, before)


def _kept(order: OrderRow, back: Quantities) -> list[Kept]:
    return [_line(order, line, back.get(line.sku, 0)) for line in order.lines]


def _line(order: OrderRow, line: OrderLineRow, back: int) -> Kept:
    rate = 0 if order.tax_included else line.tax_rate or 0
    return Kept(line.sku, line.quantity - back, line.quantity, line.unit_price, rate)
