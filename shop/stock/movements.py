"""Movements of goods: what goes where, for which order, and what that adds to the figures of the SKUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shop.stock.locations import MAIN

Wants = Mapping[str, Mapping[str, int]]  # order id -> SKU -> quantity


class StockBroken(RuntimeError):
    """The ledger contradicts itself. Raised before anything is committed; an operator must look (`doctor`)."""


class Lot(NamedTuple):
    """A quantity of a SKU that comes to a location, or leaves it if negative."""

    sku: str
    quantity: int
    location: str = MAIN
    order_id: str | None = None


class Move(NamedTuple):
    """What is added to the figures of one SKU; `elsewhere`: on hand in locations other than main."""

    on_hand: int = 0
    elsewhere: int = 0
    reserved: int = 0
    backordered: int = 0


Moves = Mapping[str, Move]  # by SKU


def coming(lots: Iterable[Lot]) -> dict[str, Move]:
    """Return what these lots add to the figures of each SKU."""
    return together((lot.sku, Move(lot.quantity, lot.quantity * (lot.location != MAIN))) for lot in lots)


def together(parts: Iterable[tuple[str, Move]]) -> dict[str, Move]:
    """Sum up the moves of each SKU."""
    moves: dict[str, Move] = {}
    for sku, move in parts:
        moves[sku] = Move(*map(sum, zip(moves.get(sku, Move()), move, strict=True)))
    return moves
