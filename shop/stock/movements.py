"""Goods on the move: what goes where, for which order, and what that does to the figures of their SKUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shop.stock.locations import MAIN

Wants = Mapping[str, Mapping[str, int]]  # order id -> SKU -> quantity


class StockBroken(RuntimeError):
    """The ledger says something impossible; nothing is changed and a person must look (`doctor`)."""


class Lot(NamedTuple):
    """So many of a SKU that come to a location; fewer than none leave it."""

    sku: str
    quantity: int
    location: str = MAIN
    order_id: str | None = None


class Move(NamedTuple):
    """What is added to the figures of one SKU."""

    on_hand: int = 0
    elsewhere: int = 0
    reserved: int = 0
    backordered: int = 0


Moves = Mapping[str, Move]  # by SKU


def coming(lots: Iterable[Lot]) -> dict[str, Move]:
    """What these lots do to each SKU."""
    return together((lot.sku, Move(lot.quantity, lot.quantity * (lot.location != MAIN))) for lot in lots)


def together(parts: Iterable[tuple[str, Move]]) -> dict[str, Move]:
    """Moves of a SKU that is named several times are one."""
    moves: dict[str, Move] = {}
    for sku, move in parts:
        moves[sku] = Move(*map(sum, zip(moves.get(sku, Move()), move, strict=True)))
    return moves
