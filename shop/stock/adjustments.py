"""What staff do with stock: receive goods, adjust counts, transfer between locations, and watch for low stock."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.statements import for_update, upsert
from shop.catalogue.tables import VariantRow
from shop.kernel.errors import IllegalMove, Invalid, NotFound
from shop.stock import ledger as stock_ledger
from shop.stock import locations
from shop.stock.locations import MAIN
from shop.stock.movements import Lot, coming
from shop.stock.tables import MOST_ON_HAND, Kind, StockRow


def receive(
    session: Session, sku: str, quantity: int, reason: str = "", actor_id: str | None = None, location: str = MAIN
) -> StockRow:
    """Book goods that came in to a location, and lock their SKU. Serves backorders first.

    Raises NotFound for an unknown SKU, Invalid for an unknown location or quantity, IllegalMove when the location is
    closed or there would be too many.
    """
    if quantity <= 0:
        raise Invalid({"quantity": ["What is received is more than zero."]})
    locations.check(session, location, coming=True)
    return _move(session, Kind.RECEIVE, [Lot(sku, quantity, location)], reason, actor_id)


def adjust(
    session: Session, sku: str, quantity: int, reason: str, actor_id: str | None = None, location: str = MAIN
) -> StockRow:
    """Correct the count of a location by so much, up or down, and lock its SKU.

    Raises NotFound, Invalid, and IllegalMove when fewer than the reserved ones, or than none at the location, are left.
    """
    if quantity == 0:
        raise Invalid({"quantity": ["An adjustment by zero changes nothing."]})
    locations.check(session, location)
    return _move(session, Kind.ADJUST, [Lot(sku, quantity, location)], reason, actor_id)


def transfer(
    session: Session,
    sku: str,
    quantity: int,
    reason: str,
    actor_id: str | None,
    *,
    location: str,
    to: str,
    order_id: str | None = None,
) -> StockRow:
    """Move goods from one location to another by two movements, and lock their SKU.

    order_id: the order they are moved for; such a transfer may also go to a closed location. Raises NotFound, Invalid,
    and IllegalMove when there are too few or the target takes no more goods.
    """
    if quantity <= 0:
        raise Invalid({"quantity": ["What is moved is more than zero."]})
    if location == to:
        raise Invalid({"to": ["They are there already."]})
    locations.check(session, location)
    locations.check(session, to, "to", coming=order_id is None)
    lots = [Lot(sku, -quantity, location, order_id), Lot(sku, quantity, to, order_id)]
    return _move(session, Kind.TRANSFER, lots, reason, actor_id)


def watch(session: Session, sku: str, low_at: int | None) -> StockRow:
    """Lock the SKU and set the level at which it counts as low; None: never. Raises NotFound."""
    row = lock(session, sku)
    row.low_at = low_at
    session.flush()
    return row


def _move(session: Session, kind: Kind, lots: Sequence[Lot], reason: str, actor_id: str | None) -> StockRow:
    """Lock the SKU, which all lots are of, and book them. Raises IllegalMove when a figure would leave its bounds."""
    [(sku, move)] = coming(lots).items()
    row = lock(session, sku)
    if not row.reserved <= row.on_hand + move.on_hand <= MOST_ON_HAND:
        raise IllegalMove(f"{row.on_hand} are on hand and {row.reserved} reserved; {move.on_hand:+d} is not possible.")
    for lot in lots:
        there = row.places.get(lot.location, 0)
        if there + lot.quantity < 0:
            raise IllegalMove(f"{there} are in {lot.location}; {lot.quantity:+d} is not possible.")
    stock_ledger.book(session, kind, lots, reason, actor_id)
    session.refresh(row)
    return row


def lock(session: Session, sku: str) -> StockRow:
    """Lock and return the stock of a SKU, inserted if nothing of it ever came in. Raises NotFound."""
    if session.get(VariantRow, sku) is None:
        raise NotFound("There is no such SKU.")
    session.execute(upsert(session, StockRow).values(sku=sku, on_hand=0, reserved=0).on_conflict_do_nothing())
    return session.scalars(for_update(select(StockRow).where(StockRow.sku == sku))).one()
