"""What goes back for goods that come back: their share of what was paid, less what is not owed of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop import refund_rows
from shop.order_goods import Quantities, worth
from shop.orders import OrderRow


@dataclass(frozen=True)
class Due:
    """In minor units: `refund` is `share` less `given_before`, which went back before or never came in."""

    share: int
    given_before: int

    @property
    def refund(self) -> int:
        return self.share - self.given_before


def due(session: Session, order: OrderRow, before: Quantities, coming: Quantities) -> Due:
    """For these goods, when those came back before. Under the lock of the order."""
    part = share(order, before, coming)
    return Due(part, given_before=part - min(part, refund_rows.owed_for_goods(session, order.id)))


def share(order: OrderRow, before: Quantities, coming: Quantities) -> int:
    """What of the order's money belongs to these goods, when those came back before.

    Shipping stays with the shop. Parts add up: all of a line together is worth what was paid for it, to the cent.
    """
    return worth(order, Counter(before) + Counter(coming)) - worth(order, before)
