"""Receive many SKUs at once, by a fixed number of statements."""

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
    """Lock the stock of these SKUs by ascending SKU, inserting missing rows. All must be in the catalogue."""
    wanted = sorted(set(skus))
    if wanted:
        _MAKE(session, [{"sku": sku} for sku in wanted])
        stock_ledger.lock(session, wanted)


def receive_all(session: Session, goods: Mapping[str, int], reason: str, actor_id: str | None) -> None:
    """Book so many of each SKU into main; the caller has locked them."""
    stock_ledger.book(session, Kind.RECEIVE, [Lot(sku, goods[sku]) for sku in sorted(goods)], reason, actor_id)
