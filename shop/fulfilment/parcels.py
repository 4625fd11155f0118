"""Parcels: which goods of an order were sent, with which carrier, and how far they have come.

Every change is made under the lock of the order, so that two at once never send more than was ordered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from db.functions import statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from shop.fulfilment import parcel_shares, ship_from
from shop.kernel.errors import IllegalMove, NotFound
from shop.kernel.skus import SKU_LENGTH
from shop.notifications.outbox import NotificationRequest, enqueue
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.quantities import Quantities, check_paid, check_room, here, less, ordered
from shop.orders.states import FulfilmentStatus
from shop.stock import locations
from shop.stock.locations import CODE_LENGTH


class Status(StrEnum):
    """The state of a parcel."""

    PENDING = "pending"  # packed, not yet sent
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"  # unpacked again


MOVES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.SHIPPED, Status.CANCELLED}),
    Status.SHIPPED: frozenset({Status.DELIVERED}),
    Status.DELIVERED: frozenset(),
    Status.CANCELLED: frozenset(),
}
GONE = (Status.SHIPPED, Status.DELIVERED)
LIVE = (Status.PENDING, *GONE)


class FulfilmentRow(Base):
    """A parcel. `location`: the one it leaves, if it was named; None: the one its goods were sold from."""

    __tablename__ = "fulfilments"

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING)
    carrier: Mapped[str | None] = mapped_column(String(80))
    tracking: Mapped[str | None] = mapped_column(String(120))
    created_by: Mapped[Id]
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())
    shipped_at: Mapped[At | None]
    delivered_at: Mapped[At | None]
    location: Mapped[str | None] = mapped_column(String(CODE_LENGTH), ForeignKey("locations.code"))

    lines: Mapped[list[FulfilmentLineRow]] = relationship(order_by="FulfilmentLineRow.sku", lazy="selectin")


class FulfilmentLineRow(Base):
    __tablename__ = "fulfilment_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    fulfilment_id: Mapped[Id] = mapped_column(ForeignKey("fulfilments.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    quantity: Mapped[int]


def add(
    session: Session,
    order_id: str,
    lines: Quantities | None,
    *,
    carrier: str | None,
    tracking: str | None,
    status: str,
    by: str,
    location: str | None = None,
) -> FulfilmentRow:
    """Lock the order and insert a parcel with these lines; None: with all that is left. Backordered units are not sent.

    location: the one it leaves; None: the one its goods were sold from. Raises NotFound, Invalid, IllegalMove,
    NotPaidFor, TooMany.
    """
    order = orders.lock(session, order_id)
    check_paid(order)
    packed = _in_parcels(session, order_id, LIVE)
    left = less(here(order), packed)
    wanted = {sku: n for sku, n in left.items() if n} if lines is None else lines
    if not wanted:
        missing = here(order) != ordered(order)
        raise IllegalMove(f"Everything {'that has come in' if missing else 'that was ordered'} is in a parcel already.")
    check_room(order, wanted, left)
    parcel_shares.check_paid_for(session, order, packed, wanted)
    if location is not None:
        locations.check(session, location)
    parcel = FulfilmentRow(id=new_id(), order_id=order_id, carrier=carrier, tracking=tracking, created_by=by)
    parcel.location = location
    parcel.lines = [FulfilmentLineRow(sku=sku, quantity=n) for sku, n in wanted.items()]
    session.add(parcel)
    session.flush()
    if location is not None:
        ship_from.book(session, order, _named(session, order_id), location, by)
    return _settle(session, order, parcel, status)


def change(
    session: Session, order_id: str, id: str, *, status: str | None = None, **labels: str | None
) -> FulfilmentRow:
    """Lock the order and move its parcel to `status`, or correct its carrier and tracking.

    Raises NotFound, IllegalMove, NotPaidFor.
    """
    order = orders.lock(session, order_id)
    parcel = session.get(FulfilmentRow, id, populate_existing=True)
    if parcel is None or parcel.order_id != order_id:
        raise NotFound("There is no such fulfilment.")
    if labels and parcel.status == Status.CANCELLED:
        raise IllegalMove("The fulfilment is cancelled.")
    for name, value in labels.items():
        setattr(parcel, name, value)
    if status == Status.SHIPPED and parcel.status == Status.PENDING:  # its money may have been let go since
        parcel_shares.check_paid_for(session, order, shipped(session, order_id), contents(parcel))
    return _settle(session, order, parcel, status or parcel.status)


def of_order(session: Session, order_id: str) -> Sequence[FulfilmentRow]:
    """List the parcels of the order, oldest first."""
    row = FulfilmentRow
    return session.scalars(select(row).where(row.order_id == order_id).order_by(row.id)).all()


def contents(parcel: FulfilmentRow) -> dict[str, int]:
    return {line.sku: line.quantity for line in parcel.lines}


def shipped(session: Session, order_id: str) -> dict[str, int]:
    """Return by SKU how many units of this order were sent or delivered."""
    return _in_parcels(session, order_id, GONE)


def check_none(session: Session, order_id: str) -> None:
    """Raise IllegalMove if any goods of the order are in a parcel. The caller has locked the order."""
    if _in_parcels(session, order_id, LIVE):
        raise IllegalMove("Some of the order is in a parcel already; it can be returned once it has arrived.")


def _settle(session: Session, order: OrderRow, parcel: FulfilmentRow, status: str) -> FulfilmentRow:
    """Set the parcel's status, enqueue the notification that it is sent, and update the order's own status."""
    if status != parcel.status:
        _move(parcel, Status(status))
        _tell(session, order, parcel)
    parcel.updated_at = statement_time()
    session.flush()
    order.fulfilment_status = _derived(ordered(order), _in_parcels(session, order.id, LIVE))
    session.flush()
    session.refresh(parcel)
    return parcel


def _move(parcel: FulfilmentRow, to: Status) -> None:
    if to not in MOVES[Status(parcel.status)]:
        raise IllegalMove(f"A fulfilment that is {parcel.status} can not become {to}.")
    parcel.status = to
    if to == Status.SHIPPED:
        parcel.shipped_at = statement_time()
    if to == Status.DELIVERED:
        parcel.delivered_at = statement_time()


def _tell(session: Session, order: OrderRow, parcel: FulfilmentRow) -> None:
    if parcel.status == Status.SHIPPED and order.email:
        session.flush()
        enqueue(session, NotificationRequest("order_shipped", order.id, order.email, turn=parcel.id, about=parcel.id))


def _derived(whole: Quantities, packed: Quantities) -> FulfilmentStatus:
    if not packed:
        return FulfilmentStatus.UNFULFILLED
    missing = any(less(whole, packed).values())
    return FulfilmentStatus.PARTIAL if missing else FulfilmentStatus.FULFILLED


def _in_parcels(session: Session, order_id: str, statuses: Sequence[Status]) -> dict[str, int]:
    row, line = FulfilmentRow, FulfilmentLineRow
    query = select(line.sku, func.sum(line.quantity)).join(row, row.id == line.fulfilment_id).group_by(line.sku)
    sums = session.execute(query.where(row.order_id == order_id, row.status.in_(statuses))).all()
    return Counter({sku: int(n) for sku, n in sums})


def _named(session: Session, order_id: str) -> dict[tuple[str, str], int]:
    """Return what is in parcels whose location was named, by SKU and location."""
    row, line = FulfilmentRow, FulfilmentLineRow
    query = select(line.sku, row.location, func.sum(line.quantity)).join(row).group_by(line.sku, row.location)
    of_it = query.where(row.order_id == order_id, row.status.in_(LIVE), row.location.is_not(None))
    return {(sku, str(location)): int(n) for sku, location, n in session.execute(of_it)}
