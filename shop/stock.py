"""What is on the shelf. Every change is a movement in an append-only ledger; reservations hold a part of it back.

For every SKU and at every moment: on hand = sum of its movements, and 0 <= reserved <= on hand (P6).
The guard is in the database: rows are locked in the order of their SKUs, then changed under a condition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, and_, not_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop import stock_events
from shop.catalogue import SKU_LENGTH, VariantRow
from shop.errors import IllegalMove, Invalid, NotFound
from shop.stock_events import Change
from sql import At, Base, Id, held, new_id, now, upsert

MOST_ON_HAND = 10**9


class Kind(StrEnum):
    RECEIVE = "receive"
    ADJUST = "adjust"
    SALE = "sale"
    RETURN = "return"


class Held(StrEnum):
    """The life of a reservation: held, then exactly one of the others."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    EXPIRED = "expired"


class StockRow(Base):
    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved_within_on_hand"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), ForeignKey("variants.sku"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    low_at: Mapped[int | None]  # so many left are few: see stock_events.py


class MovementRow(Base):
    """Never changed, never deleted. `quantity` is signed: what it added to on hand."""

    __tablename__ = "stock_movements"

    id: Mapped[Id] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    quantity: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500), default="")
    order_id: Mapped[Id | None]
    actor_id: Mapped[Id | None]
    at: Mapped[At] = mapped_column(default=now())


class ReservationRow(Base):
    """What one order holds of one SKU, until it is sold, released, or its time is up."""

    __tablename__ = "reservations"
    __table_args__ = (
        Index(
            "ix_reservations_held",
            "expires_at",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
    )

    order_id: Mapped[Id] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), default=Held.HELD)
    expires_at: Mapped[At]


def level(session: Session, sku: str) -> StockRow:
    """What is there of this SKU; of one that never came in, nothing."""
    row = session.get(StockRow, sku)
    if row is None and session.get(VariantRow, sku) is None:
        raise NotFound("There is no such SKU.")
    return row or StockRow(sku=sku, on_hand=0, reserved=0)


def available(session: Session, skus: Iterable[str]) -> dict[str, int]:
    """How many of each SKU can still be promised; a SKU never received has none."""
    rows = session.execute(
        select(StockRow.sku, StockRow.on_hand - StockRow.reserved).where(StockRow.sku.in_(list(skus)))
    )
    return Counter(dict(rows.all()))


def receive(session: Session, sku: str, quantity: int, reason: str = "", actor_id: str | None = None) -> StockRow:
    """Goods came in."""
    if quantity <= 0:
        raise Invalid({"quantity": ["What is received is more than zero."]})
    return _move(session, sku, Kind.RECEIVE, quantity, reason, actor_id)


def adjust(session: Session, sku: str, quantity: int, reason: str, actor_id: str | None = None) -> StockRow:
    """The count was wrong by so much, up or down; what is reserved can not be counted away."""
    if quantity == 0:
        raise Invalid({"quantity": ["An adjustment by zero changes nothing."]})
    return _move(session, sku, Kind.ADJUST, quantity, reason, actor_id)


def watch(session: Session, sku: str, low_at: int | None) -> StockRow:
    """From now on an event is written when no more than `low_at` are left; None: no more of them."""
    row = _hold(session, sku)
    row.low_at = low_at
    session.flush()
    return row


def levels(session: Session, *, limit: int, after: str | None = None, low: bool | None = None) -> list[StockRow]:
    """By SKU. `low`: only those of which no more is left than their threshold, or only the others."""
    query = select(StockRow).order_by(StockRow.sku).limit(limit)
    is_low = and_(StockRow.low_at.is_not(None), StockRow.on_hand - StockRow.reserved <= StockRow.low_at)
    if after is not None:
        query = query.where(StockRow.sku > after)
    if low is not None:
        query = query.where(is_low if low else not_(is_low))
    return list(session.scalars(query))


def movements(session: Session, sku: str, *, limit: int, before: str | None = None) -> list[MovementRow]:
    """The ledger of one SKU, newest first, from below the id `before`."""
    query = select(MovementRow).where(MovementRow.sku == sku).order_by(MovementRow.id.desc()).limit(limit)
    if before:
        query = query.where(MovementRow.id < before)
    return list(session.scalars(query))


def _move(session: Session, sku: str, kind: Kind, quantity: int, reason: str, actor_id: str | None) -> StockRow:
    row = _hold(session, sku)
    if not row.reserved <= row.on_hand + quantity <= MOST_ON_HAND:
        raise IllegalMove(f"{row.on_hand} are on hand and {row.reserved} reserved; {quantity:+d} is not possible.")
    left = row.on_hand - row.reserved
    row.on_hand += quantity
    stock_events.note(session, [Change(sku, left, left + quantity, row.low_at)])
    session.add(MovementRow(id=new_id(), sku=sku, kind=kind, quantity=quantity, reason=reason, actor_id=actor_id))
    session.flush()
    return row


def _hold(session: Session, sku: str) -> StockRow:
    """The row of a SKU, made if nothing of it ever came in, and locked."""
    if session.get(VariantRow, sku) is None:
        raise NotFound("There is no such SKU.")
    session.execute(upsert(session, StockRow).values(sku=sku, on_hand=0, reserved=0).on_conflict_do_nothing())
    return session.scalars(held(select(StockRow).where(StockRow.sku == sku))).one()
