"""Returns: goods that customers send back, from the request over receipt and restocking to the refund.

They are requested and received under the lock of the order, so that two at once never return more than was shipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from db.functions import in_list, statement_time, transaction_time
from db.schema import At, Base, Id, new_id
from shop.fulfilment import parcels, return_money
from shop.fulfilment.return_money import Due
from shop.kernel.errors import IllegalMove, NotFound
from shop.kernel.skus import SKU_LENGTH
from shop.notifications.outbox import NotificationRequest, enqueue
from shop.orders import orders
from shop.orders.quantities import Quantities, TooMany, check_paid, check_room, less
from shop.stock import locations
from shop.stock.locations import CODE_LENGTH, MAIN
from shop.stock.movements import Lot


class Status(StrEnum):
    """The state of a return."""

    REQUESTED = "requested"  # the customer wants to send it back
    RECEIVED = "received"  # the goods are here; the refund is under way
    REFUNDED = "refunded"
    REJECTED = "rejected"  # the shop does not take it back; `answer` says why
    WITHDRAWN = "withdrawn"  # the customer keeps the goods


class ReturnRow(Base):
    """A return; amounts in minor units of `currency`.

    share: what was paid for its goods, known once it is received.
    kept_back: what is not owed of that, for offers that no longer hold.
    refund: what is to be refunded, less where money went back before; once it is closed, what was refunded.
    location: where goods that can be sold again are put.
    """

    __tablename__ = "returns"
    __table_args__ = (CheckConstraint("refund >= 0", name="refund_not_negative"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), index=True)
    status: Mapped[str] = mapped_column(String(20), default=Status.REQUESTED)
    reason: Mapped[str] = mapped_column(String(500))
    refund: Mapped[int] = mapped_column(BigInteger, default=0)
    share: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    kept_back: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())
    received_at: Mapped[At | None]
    received_by: Mapped[Id | None]
    answer: Mapped[str | None] = mapped_column(String(500))  # why it was rejected
    decided_at: Mapped[At | None]  # when it was rejected, or withdrawn
    location: Mapped[str] = mapped_column(
        String(CODE_LENGTH), default=MAIN, server_default=MAIN
    )  # of what is restocked

    lines: Mapped[list[ReturnLineRow]] = relationship(order_by="ReturnLineRow.sku", lazy="selectin")

    @property
    def due(self) -> int:
        return self.share - self.kept_back

    @property
    def given_before(self) -> int:
        return self.due - self.refund


class ReturnLineRow(Base):
    """A line of a return: `quantity` units requested, `received` of them, and `resellable` of these."""

    __tablename__ = "return_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("received >= 0 AND received <= quantity", name="received_within_quantity"),
        CheckConstraint("resellable >= 0 AND resellable <= received", name="resellable_within_received"),
    )

    return_id: Mapped[Id] = mapped_column(ForeignKey("returns.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    quantity: Mapped[int]
    received: Mapped[int] = mapped_column(default=0)
    resellable: Mapped[int] = mapped_column(default=0)


class Arrived(dict[str, tuple[int, int]]):
    """The units that arrived: SKU -> (received, resellable of these)."""


def ask(session: Session, order_id: str, lines: Quantities, reason: str) -> ReturnRow:
    """Lock the order and insert a return of these goods.

    Raises NotFound, IllegalMove for an order that is not paid, Invalid for a foreign SKU, TooMany beyond what was
    shipped and is not in another return.
    """
    order = orders.lock(session, order_id)
    check_paid(order)
    check_room(order, lines, less(parcels.shipped(session, order_id), _claimed(session, order_id)))
    row = ReturnRow(id=new_id(), order_id=order_id, reason=reason, currency=order.currency)
    row.lines = [ReturnLineRow(sku=sku, quantity=n) for sku, n in lines.items()]
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def preview(session: Session, order_id: str, lines: Quantities) -> Due:
    """Return what would be due for these goods now, without a lock. Raises as `ask` does."""
    order = orders.get(session, order_id)
    check_paid(order)
    check_room(order, lines, less(parcels.shipped(session, order_id), _claimed(session, order_id)))
    return return_money.due(session, order, _received(session, order_id), _due_before(session, order_id), lines)


def receive(
    session: Session, order_id: str, id: str, arrived: Arrived | None, *, by: str, location: str = MAIN
) -> ReturnRow:
    """Lock the order, record what arrived of a requested return, and enqueue the customer's notification.

    arrived: None for all that was requested, fit to be sold again. location: where resellable goods are put.
    Raises NotFound, Invalid, IllegalMove, TooMany.
    """
    locations.check(session, location, coming=True)
    order = orders.lock(session, order_id)
    row = requested(session, order_id, id)
    before = _received(session, order_id)
    _unpack(row, arrived)
    coming = {line.sku: line.received for line in row.lines}
    money = return_money.due(session, order, before, _due_before(session, order_id), coming)
    row.share, row.kept_back, row.refund = money.share, money.kept_back, money.refund
    row.status, row.received_by, row.location = Status.RECEIVED, by, location
    row.received_at = row.updated_at = statement_time()
    session.flush()
    session.refresh(row)
    if order.email:
        enqueue(session, NotificationRequest("return_received", row.id, order.email))
    return row


def requested(session: Session, order_id: str, id: str) -> ReturnRow:
    """Lock a return that is still only requested; raises NotFound, or IllegalMove for any other state."""
    row = _get(session, order_id, id, lock=True)
    if row.status != Status.REQUESTED:
        raise IllegalMove(f"The return is {row.status}.")
    return row


def decide(session: Session, id: str, to: Status, answer: str | None = None) -> bool:
    """Reject or withdraw a return that is still only requested; its goods can be requested again.

    Returns False, and changes nothing, in any other state.
    """
    deciding = update(ReturnRow).where(ReturnRow.id == id, ReturnRow.status == Status.REQUESTED)
    decided = deciding.values(status=to, answer=answer, decided_at=statement_time(), updated_at=statement_time())
    how = {"synchronize_session": False}
    return session.scalar(decided.returning(ReturnRow.id).execution_options(**how)) is not None


def of_order(session: Session, order_id: str) -> Sequence[ReturnRow]:
    """List the returns of the order, oldest first."""
    return session.scalars(select(ReturnRow).where(ReturnRow.order_id == order_id).order_by(ReturnRow.id)).all()


def of_orders(session: Session, ids: Sequence[str]) -> Sequence[ReturnRow]:
    """List the returns of these orders, oldest first."""
    return session.scalars(_OF_ORDERS, {"orders": ids}).all() if ids else []


_OF_ORDERS = select(ReturnRow).where(in_list(ReturnRow.order_id, "orders")).order_by(ReturnRow.id)


def resellable(session: Session, ids: Sequence[str]) -> list[Lot]:
    """Return the lots of these returns that can be sold again, each with its location."""
    row, line = ReturnRow, ReturnLineRow
    rows = select(line.sku, line.resellable, row.location, row.order_id).join(row).where(row.id.in_(ids))
    return [Lot(*lot) for lot in session.execute(rows.where(line.resellable > 0).order_by(line.sku, row.id))]


def close(session: Session, given: Mapping[str, int]) -> None:
    """Mark returns as refunded; `given`: by return what was refunded, in minor units."""
    for id, amount in given.items():
        _set(session, [id], status=Status.REFUNDED, refund=amount)


def reopen(session: Session, ids: Sequence[str]) -> None:
    """Set returns back to requested, with nothing received, before anything was restocked or refunded."""
    _set(session, ids, status=Status.REQUESTED, refund=0, share=0, kept_back=0, received_at=None, received_by=None)
    lines = update(ReturnLineRow).where(ReturnLineRow.return_id.in_(ids)).values(received=0, resellable=0)
    session.execute(lines.execution_options(synchronize_session=False))


def _unpack(row: ReturnRow, arrived: Arrived | None) -> None:
    asked = {line.sku: line.quantity for line in row.lines}
    found = Arrived({sku: (n, n) for sku, n in asked.items()}) if arrived is None else arrived
    more = {sku: asked.get(sku, 0) for sku, (n, _) in found.items() if n > asked.get(sku, 0)}
    if more:
        raise TooMany(f"More came than was asked for: {', '.join(sorted(more))}.", left=more)
    for line in row.lines:
        line.received, line.resellable = found.get(line.sku, (0, 0))


def _get(session: Session, order_id: str, id: str, *, lock: bool = False) -> ReturnRow:
    row = session.get(ReturnRow, id, populate_existing=True, with_for_update={"key_share": True} if lock else None)
    if row is None or row.order_id != order_id:
        raise NotFound("There is no such return.")
    return row


def _claimed(session: Session, order_id: str) -> Mapping[str, int]:
    """Return by SKU what has come back, or is requested to."""
    line = ReturnLineRow
    asked = _sums(session, order_id, line.quantity, [Status.REQUESTED])
    return Counter(asked) + Counter(_received(session, order_id))


def _received(session: Session, order_id: str) -> Mapping[str, int]:
    return _sums(session, order_id, ReturnLineRow.received, [Status.RECEIVED, Status.REFUNDED])


def _due_before(session: Session, order_id: str) -> int:
    row = ReturnRow
    back = (row.order_id == order_id, row.status.in_([Status.RECEIVED, Status.REFUNDED]))
    return int(session.scalar(select(func.sum(row.share - row.kept_back)).where(*back)) or 0)


def _sums(session: Session, order_id: str, what: Mapped[int], statuses: Sequence[Status]) -> dict[str, int]:
    row, line = ReturnRow, ReturnLineRow
    query = select(line.sku, func.sum(what)).join(row, row.id == line.return_id).group_by(line.sku)
    sums = session.execute(query.where(row.order_id == order_id, row.status.in_(statuses))).all()
    return {sku: int(n) for sku, n in sums}


def _set(session: Session, ids: Sequence[str], **values: object) -> None:
    changing = update(ReturnRow).where(ReturnRow.id.in_(ids)).values(updated_at=statement_time(), **values)
    session.execute(changing.execution_options(synchronize_session=False))
