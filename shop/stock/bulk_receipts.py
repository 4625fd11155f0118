"""Many goods coming in at once, by a few statements, however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import literal
from sqlalchemy.orm import Session

from db.bulk import inserting
from db.statements import table_of
from shop.stock import ledger as stock_ledger
from shop.stock.movements import Lot
from shop.stock.tables import Kind, StockRow

_MAKE = inserting(
    table_of(StockRow),
    "sku",
    then=lambda insert: insert.on_conflict_do_nothing(),
    on_hand=literal(0),
    reserved=literal(0),
)


def lock(session: Session, skus: Iterable[str]) -> None:
    """Rows for these SKUs, all of which must be in the catalogue, locked in the order in which everybody locks them."""
    wanted = sorted(set(skus))
    if wanted:
        _MAKE(session, [{"sku": sku} for sku in wanted])
        stock_ledger.lock(session, wanted)


def receive_all(session: Session, goods: Mapping[str, int], reason: str, actor_id: str | None) -> None:
    """So many of each SKU, which is held."""
    stock_ledger.book(session, Kind.RECEIVE, [Lot(sku, goods[sku]) for sku in sorted(goods)], reason, actor_id)
