"""Book parcels that leave another location than the one their goods were sold from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from shop.orders.orders import OrderRow
from shop.orders.quantities import Quantities, less, ordered
from shop.stock import adjustments, allocation, backorders
from shop.stock import ledger as stock_ledger
from shop.stock.locations import MAIN

Places = Mapping[tuple[str, str], int]  # SKU and location -> how many


def book(session: Session, order: OrderRow, named: Places, location: str, by: str) -> None:
    """Transfer stock so that the goods of the order's parcels were sold from the location these leave.

    named: what is in parcels with a named location, by SKU and location. Goods sold from another location stay there
    and are taken from `location` instead. Raises IllegalMove when too few lie there.
    """
    bought = _bought(session, order)
    sold = Counter[tuple[str, str]]()
    for lot in allocation.sold_from(session, {order.id: bought}):
        sold[lot.sku, lot.location] += lot.quantity
    for sku in sorted(bought):
        for place, n in _instead(sku, sold - Counter(named), named.get((sku, location), 0) - sold[sku, location]):
            about = "sent from here instead"
            adjustments.transfer(session, sku, n, about, by, location=location, to=place, order_id=order.id)


def _bought(session: Session, order: OrderRow) -> Quantities:
    """Lock the order's SKUs and return its quantities less its backorders, which may be coming in at this moment."""
    whole = ordered(order)
    stock_ledger.lock(session, whole)
    return less(whole, backorders.waiting(session, [order.id])[order.id])


def _instead(sku: str, spare: Places, missing: int) -> Iterator[tuple[str, int]]:
    """Yield the locations that keep what they had sold, main first, and how many units each."""
    places = sorted((place for of, place in spare if of == sku), key=lambda place: (place != MAIN, place))
    for place in places:
        n = min(missing, spare[sku, place])
        if n > 0:
            missing -= n
            yield place, n
