"""Orders: a snapshot of what was bought, and a declared state machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, bindparam, select, text, true, update
from sqlalchemy.orm import Mapped, Session, column_property, mapped_column, relationship

from db.bulk import inserting
from db.functions import in_list, statement_time, transaction_time
from db.schema import DOCUMENT, At, Base, Document, Id
from db.statements import execute_core, for_update, table_of
from shop.kernel.errors import IllegalMove, NotFound
from shop.kernel.languages import LANGUAGES
from shop.kernel.skus import SKU_LENGTH
from shop.orders import history as order_history
from shop.orders import webhook_payloads as order_payloads
from shop.orders.states import MOVES, FulfilmentStatus, PaymentStatus, Status
from shop.stock import backorders

_GUESTS = text("customer_id IS NULL")


class OrderRow(Base):
    """One order; all amounts in minor units of `currency`.

    customer_id: None for a guest, who shows a token instead (guest_tokens.py). email: normalised for guests.
    language: the one the request preferred; an account has its own.
    """

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_guests_email", "email", sqlite_where=_GUESTS, postgresql_where=_GUESTS),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[Id | None] = mapped_column(index=True)
    cart_id: Mapped[str] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(254))
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING)
    payment_status: Mapped[str] = mapped_column(String(20), default=PaymentStatus.UNPAID)
    fulfilment_status: Mapped[str] = mapped_column(String(20), default=FulfilmentStatus.UNFULFILLED)
    currency: Mapped[str] = mapped_column(String(3))
    subtotal: Mapped[int] = mapped_column(BigInteger)
    discount: Mapped[int] = mapped_column(BigInteger)
    shipping: Mapped[int] = mapped_column(BigInteger)
    tax: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    shipping_tax: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    tax_included: Mapped[bool] = mapped_column(default=True, server_default=true())
    coupon_code: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(10), default=LANGUAGES[0], server_default=LANGUAGES[0])
    breakdown: Mapped[list[dict[str, Any]] | None] = mapped_column(DOCUMENT)
    taxes: Mapped[list[dict[str, int]] | None] = mapped_column(DOCUMENT)  # by rate, as shop/pricing/taxes.py says
    conditions: Mapped[list[dict[str, Any]] | None] = mapped_column(DOCUMENT)  # see shop/pricing/discount_conditions.py
    shipping_method: Mapped[str] = mapped_column(String(40))
    shipping_address: Mapped[Document]
    billing_address: Mapped[dict[str, Any] | None] = mapped_column(DOCUMENT)  # None: the shipping address
    vat_id: Mapped[str | None] = mapped_column(String(20))  # the buyer's, by its form only
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())

    lines: Mapped[list[OrderLineRow]] = relationship(order_by="OrderLineRow.position", lazy="selectin")


class OrderLineRow(Base):
    """One line of an order, with the prices it was placed at, in minor units."""

    __tablename__ = "order_lines"

    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(401))
    quantity: Mapped[int]
    unit_price: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    discount: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    tax: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    tax_rate: Mapped[int | None]  # in hundredths of a per cent

    backordered: Mapped[int] = column_property(backorders.waits(order_id, sku))  # they have not come in yet


def get(session: Session, id: str) -> OrderRow:
    """Return the order, or raise NotFound. Does not lock it."""
    order = session.get(OrderRow, id)
    if order is None:
        raise NotFound("There is no such order.")
    return order


def lock(session: Session, id: str) -> OrderRow:
    """Lock the order and return it, read anew. Raises NotFound."""
    order = session.scalars(for_update(select(OrderRow).where(OrderRow.id == id))).first()
    if order is None:
        raise NotFound("There is no such order.")
    return order


def of_customer(
    session: Session,
    customer_id: str | None,
    *,
    limit: int,
    before: str | None = None,
    where: Sequence[ColumnElement[bool]] = (),
) -> list[OrderRow]:
    """List orders, newest first, from below the id `before`; no `customer_id`: of all customers and guests."""
    query = select(OrderRow).where(*where).order_by(OrderRow.id.desc()).limit(limit)
    if customer_id:
        query = query.where(OrderRow.customer_id == customer_id)
    if before:
        query = query.where(OrderRow.id < before)
    return list(session.scalars(query))


_LINES = (
    select(OrderLineRow.order_id, OrderLineRow.sku, OrderLineRow.quantity)
    .where(in_list(OrderLineRow.order_id, "orders"))
    .order_by(OrderLineRow.order_id, OrderLineRow.position)
)


def wants(session: Session, orders: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the lines of these orders: by order id, in the order given, the quantity of each SKU."""
    found: dict[str, dict[str, int]] = {order: {} for order in orders}
    for order, sku, quantity in execute_core(session, _LINES, {"orders": list(orders)}):
        found[order][sku] = quantity
    return found


_MOVE = (
    update(table_of(OrderRow))
    .where(in_list(OrderRow.id, "orders"), in_list(OrderRow.status, "sources"))
    .values(status=bindparam("next_status"), updated_at=statement_time())
    .returning(OrderRow.id)
)
_STATUSES = (
    select(OrderRow.id, OrderRow.status)
    .where(in_list(OrderRow.id, "orders"))
    .order_by(OrderRow.id)
    .with_for_update(key_share=True)
)


def lock_statuses(session: Session, orders: Sequence[str]) -> dict[str, str]:
    """Lock these orders and return the status of each; unknown ids are left out."""
    return dict(execute_core(session, _STATUSES, {"orders": list(orders)}).all())


def move(session: Session, orders: Sequence[str], to: Status, reason: str = "") -> None:
    """Lock these orders, move all of them to this status, append to their history and publish their events.

    Raises IllegalMove when one of them may not move there; the caller's transaction must roll back then.
    """
    before = lock_statuses(session, orders)
    sources = [status for status, targets in MOVES.items() if to in targets]
    moved = (
        execute_core(session, _MOVE, {"orders": list(orders), "sources": sources, "next_status": to}).scalars().all()
    )
    if len(moved) != len(set(orders)):
        stuck = {order: before.get(order) for order in orders if order not in moved}
        raise IllegalMove(f"An order that is {', '.join(map(str, stuck.values()))} can not become {to}.")
    _write_history(session, [{"order_id": order, "from_status": before[order]} for order in orders], to, reason)


def _write_history(session: Session, moves: Sequence[dict[str, Any]], to: Status, reason: str) -> None:
    """Append the moves to the history and, if an endpoint listens, publish their events."""
    if order_history.write(session, moves, to, reason):
        order_payloads.tell(session, table_of(OrderRow), moves, to, reason)


Values = dict[str, Any]

_FRESH = {
    "status": Status.PENDING,
    "payment_status": PaymentStatus.UNPAID,
    "fulfilment_status": FulfilmentStatus.UNFULFILLED,
}
_GIVEN = ("id", "number", "customer_id", "cart_id", "email", "currency", "subtotal", "discount", "shipping", "tax",
          "shipping_tax", "tax_included", "total", "coupon_code", "language", "breakdown", "taxes", "conditions",
          "shipping_method", "shipping_address", "billing_address", "vat_id")  # fmt: skip
_BEGIN = inserting(
    table_of(OrderRow),
    *_GIVEN,
    then=lambda insert: insert.returning(table_of(OrderRow).c.created_at),
    created_at=transaction_time(),
    updated_at=transaction_time(),
)
_WRITE_LINES = inserting(table_of(OrderLineRow), *table_of(OrderLineRow).c.keys())


class Placed(SimpleNamespace):
    """An order as it was just written: the columns of its row, with no session behind it."""


def insert_all(session: Session, fresh: Sequence[tuple[Values, list[Values]]]) -> list[Placed]:
    """Insert new orders, each with its lines and the first line of its history, and return them as written."""
    at = _BEGIN(session, [values for values, _ in fresh]).scalars().first()  # one statement, one moment
    _WRITE_LINES(session, [line for _, lines in fresh for line in lines])
    begun = [{"order_id": values["id"], "from_status": None} for values, _ in fresh]
    _write_history(session, begun, Status.PENDING, "placed")
    return [_as_written(values, lines, at) for values, lines in fresh]


def _as_written(values: Values, lines: list[Values], at: datetime) -> Placed:
    written = [SimpleNamespace(**line, backordered=0) for line in lines]
    return Placed(**_FRESH, **values, created_at=at, updated_at=at, lines=written)


def set_payment_status(session: Session, orders: Sequence[str], status: PaymentStatus) -> None:
    if orders:
        execute_core(session, _PAYMENT_STATUS, {"orders": list(orders), "next_status": status})


_PAYMENT_STATUS = (
    update(table_of(OrderRow))
    .where(in_list(OrderRow.id, "orders"))
    .values(payment_status=bindparam("next_status"), updated_at=statement_time())
)
