"""Many goods coming in at once, by a few statements, however many they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from rows import inserting
from shop import stock_changes, stock_events
from shop.stock import Kind, StockRow
from shop.stock_changes import Lot
from shop.stock_events import Change
from sql import bare

_STOCK = bare(StockRow)
_ADD = inserting(
    _STOCK,
    "sku",
    "on_hand",
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku"], set_={"on_hand": _STOCK.c.on_hand + insert.excluded.on_hand}
    ).returning(_STOCK.c.sku, _STOCK.c.on_hand, _STOCK.c.reserved, _STOCK.c.low_at),
)


def receive_all(session: Session, goods: Mapping[str, int], reason: str, actor_id: str | None) -> None:
    """So many of each SKU, all of which must be in the catalogue. In their order, as everybody locks them."""
    if not goods:
        return
    added = _ADD(session, [{"sku": sku, "on_hand": goods[sku]} for sku in sorted(goods)]).all()
    stock_events.note(session, [_change(row, goods[row.sku]) for row in added])
    stock_changes.write(session, Kind.RECEIVE, [Lot(sku, goods[sku]) for sku in sorted(goods)], reason, actor_id)


def _change(row: Any, quantity: int) -> Change:
    left = row.on_hand - row.reserved
    return Change(row.sku, left - quantity, left, row.low_at)
