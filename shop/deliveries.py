"""Many goods coming in at once, by a few statements, however many they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import String, bindparam
from sqlalchemy.orm import Session

from rows import inserting
from shop import stock_events
from shop.stock import Kind, MovementRow, StockRow
from shop.stock_events import Change
from sql import ID, bare, new_id

_STOCK = bare(StockRow)
_ADD = inserting(
    _STOCK,
    "sku",
    "on_hand",
    then=lambda insert: insert.on_conflict_do_update(
        index_elements=["sku"], set_={"on_hand": _STOCK.c.on_hand + insert.excluded.on_hand}
    ).returning(_STOCK.c.sku, _STOCK.c.on_hand, _STOCK.c.reserved, _STOCK.c.low_at),
)
_LEDGER = inserting(
    bare(MovementRow),
    *("id", "sku", "quantity"),
    kind=bindparam("kind", type_=String),
    reason=bindparam("reason", type_=String),
    actor_id=bindparam("actor", type_=ID),
)


def receive_all(session: Session, goods: Mapping[str, int], reason: str, actor_id: str | None) -> None:
    """So many of each SKU, all of which must be in the catalogue. In their order, as everybody locks them."""
    if not goods:
        return
    added = _ADD(session, [{"sku": sku, "on_hand": goods[sku]} for sku in sorted(goods)]).all()
    stock_events.note(session, [_change(row, goods[row.sku]) for row in added])
    movements = [{"id": new_id(), "sku": sku, "quantity": goods[sku]} for sku in sorted(goods)]
    _LEDGER(session, movements, kind=Kind.RECEIVE, reason=reason, actor=actor_id)


def _change(row: Any, quantity: int) -> Change:
    left = row.on_hand - row.reserved
    return Change(row.sku, left - quantity, left, row.low_at)
