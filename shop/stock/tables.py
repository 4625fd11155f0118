"""The tables of stock, and queries over them. Every change of it is a movement in an append-only ledger.

For every SKU and at every moment: on hand = sum of its movements, and 0 <= reserved <= on hand (P6). The sum holds in
every location, too: units that do not lie `elsewhere` lie in main.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, and_, case, func, not_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from db.functions import transaction_time
from db.schema import At, Base, Id
from shop.catalogue.tables import VariantRow
from shop.kernel.errors import NotFound
from shop.kernel.skus import SKU_LENGTH
from shop.stock.locations import CODE_LENGTH, MAIN

MOST_ON_HAND = 10**9


class Kind(StrEnum):
    """Why goods moved."""

    RECEIVE = "receive"
    ADJUST = "adjust"
    SALE = "sale"
    RETURN = "return"
    TRANSFER = "transfer"  # two of them: out of one location, into another


class Held(StrEnum):
    """The state of a reservation: held, then exactly one of the others."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    EXPIRED = "expired"


class StockRow(Base):
    """The stock of one SKU. Every change locks this row first, and several rows by ascending SKU.

    elsewhere: how many of those on hand do not lie in main; `levels` says where.
    backordered: how many were ordered and have not come in yet, of `backorder_limit` at most; None: none may be.
    """

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("elsewhere >= 0 AND elsewhere <= on_hand", name="elsewhere_within_on_hand"),
        CheckConstraint("backordered >= 0", name="backordered_not_negative"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved_within_on_hand"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    low_at: Mapped[int | None]  # an event says so when no more than these are left: see availability_events.py
    elsewhere: Mapped[int] = mapped_column(default=0, server_default="0")
    backordered: Mapped[int] = mapped_column(default=0, server_default="0")
    backorder_limit: Mapped[int | None]

    levels: Mapped[list[LevelRow]] = relationship(order_by="LevelRow.location", lazy="selectin")

    @property
    def places(self) -> dict[str, int]:
        """How many lie in each location, main first."""
        return {MAIN: self.on_hand - self.elsewhere} | {level.location: level.on_hand for level in self.levels}

    @property
    def locations(self) -> list[dict[str, Any]]:
        """Main, and the other locations that have any, as the API shows them."""
        return [{"code": code, "on_hand": n} for code, n in self.places.items() if n or code == MAIN]


class LevelRow(Base):
    """How many of a SKU lie in a location other than main."""

    __tablename__ = "stock_levels"
    __table_args__ = (CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),)

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("stock.sku"), primary_key=True)
    location: Mapped[str] = mapped_column(String(CODE_LENGTH), ForeignKey("locations.code"), primary_key=True)
    on_hand: Mapped[int]


_ELSEWHERE = text("location <> 'main'")


class MovementRow(Base):
    """One movement of goods. Never changed, never deleted. `quantity`: what it added to on hand, with its sign."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        Index("ix_stock_movements_elsewhere", "order_id", postgresql_where=_ELSEWHERE, sqlite_where=_ELSEWHERE),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    quantity: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500), default="")
    order_id: Mapped[Id | None]
    actor_id: Mapped[Id | None]
    at: Mapped[At] = mapped_column(default=transaction_time())
    location: Mapped[str] = mapped_column(String(CODE_LENGTH), default=MAIN, server_default=MAIN)


_WAITING = text("backordered > 0")


class ReservationRow(Base):
    """What one order has reserved of one SKU, until it is sold, released, or expired.

    backordered: how many of `quantity` have not come in; they wait, also when the others are sold.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        Index(
            "ix_reservations_held",
            "expires_at",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
        Index("ix_reservations_waiting", "sku", "reserved_at", postgresql_where=_WAITING, sqlite_where=_WAITING),
        CheckConstraint("backordered >= 0 AND backordered <= quantity", name="backordered_within_quantity"),
    )

    order_id: Mapped[Id] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), default=Held.HELD)
    expires_at: Mapped[At]
    backordered: Mapped[int] = mapped_column(default=0, server_default="0")
    reserved_at: Mapped[At | None]


def level(session: Session, sku: str) -> StockRow:
    """Return the stock of this SKU; of one that never came in an empty row that is not stored. Raises NotFound."""
    row = session.get(StockRow, sku)
    if row is None and session.get(VariantRow, sku) is None:
        raise NotFound("There is no such SKU.")
    return row or StockRow(sku=sku, on_hand=0, reserved=0, elsewhere=0, backordered=0)


def levels(session: Session, *, limit: int, after: str | None = None, low: bool | None = None) -> list[StockRow]:
    """List stock by SKU, from behind the SKU `after`; `low`: only SKUs at or below their threshold, or only others."""
    query = select(StockRow).order_by(StockRow.sku).limit(limit)
    is_low = and_(StockRow.low_at.is_not(None), StockRow.on_hand - StockRow.reserved <= StockRow.low_at)
    if after is not None:
        query = query.where(StockRow.sku > after)
    if low is not None:
        query = query.where(is_low if low else not_(is_low))
    return list(session.scalars(query))


def movements(session: Session, sku: str, *, limit: int, before: str | None = None) -> list[MovementRow]:
    """List the movements of one SKU, newest first, from below the id `before`."""
    query = select(MovementRow).where(MovementRow.sku == sku).order_by(MovementRow.id.desc()).limit(limit)
    if before:
        query = query.where(MovementRow.id < before)
    return list(session.scalars(query))


def promised(session: Session) -> Mapping[str, tuple[int, int]]:
    """Return by SKU how many units are reserved and how many backordered, by the reservations of all orders."""
    row = ReservationRow
    held = func.sum(case((row.state == Held.HELD, row.quantity - row.backordered), else_=0))
    sums = select(row.sku, held, func.sum(row.backordered)).group_by(row.sku)
    live = sums.where((row.state == Held.HELD) | (row.backordered > 0))
    return {sku: (int(held), int(late)) for sku, held, late in session.execute(live)}


def moved(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Return the sums of the ledger: SKU -> location -> quantity."""
    key = (MovementRow.sku, MovementRow.location)
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    for sku, location, n in session.execute(select(*key, func.sum(MovementRow.quantity)).group_by(*key)):
        sums[sku][location] = int(n)
    return sums
