"""Read payments for display, each with its order and its transactions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.functions import in_list
from shop.kernel.batches import Page, Place, behind, page
from shop.kernel.errors import NotFound
from shop.orders.orders import OrderRow
from shop.orders.states import PaymentStatus
from shop.payments.payments import PaymentRow, TransactionRow


@dataclass(frozen=True)
class Paying:
    """A payment with its transactions. `number`: of the order; `customer_id` and `cart_id`: who may see it."""

    payment: PaymentRow
    number: str
    customer_id: str | None
    cart_id: str
    transactions: Sequence[TransactionRow]


def get(session: Session, id: str) -> Paying:
    """Return the payment, or raise NotFound."""
    found = _with_transactions(session, _all().where(PaymentRow.id == id))
    if not found:
        raise NotFound("There is no such payment.")
    return found[0]


def of_customer(
    session: Session, customer_id: str | None, *, limit: int, before: str | None = None, order_id: str | None = None
) -> list[Paying]:
    """List payments, newest first, from below the id `before`; no `customer_id`: of all customers and guests."""
    query = _all().order_by(PaymentRow.id.desc()).limit(limit)
    if customer_id:
        query = query.where(OrderRow.customer_id == customer_id)
    if order_id:
        query = query.where(PaymentRow.order_id == order_id)
    return _with_transactions(session, query.where(PaymentRow.id < before) if before else query)


def refunded(session: Session, orders: Sequence[OrderRow]) -> dict[str, int]:
    """Return by order what was refunded or settled, in minor units; orders of which nothing went back are left out."""
    paid = [order.id for order in orders if order.payment_status != PaymentStatus.UNPAID]
    return {id: int(sum_) for id, sum_ in session.execute(_REFUNDED, {"orders": paid})} if paid else {}


def export_for(session: Session, customer_id: str, after: Place | None) -> Page:
    """Return a page of this customer's payments for the export, oldest first; amounts in minor units."""
    query = behind(_all().where(OrderRow.customer_id == customer_id), (PaymentRow.id,), after)
    found = _with_transactions(session, query)
    return page([_told(one) for one in found], (found[-1].payment.id,) if found else None)


_BACK = func.sum(PaymentRow.refunded + PaymentRow.settled)
_REFUNDED = (
    select(PaymentRow.order_id, _BACK)
    .where(in_list(PaymentRow.order_id, "orders"), PaymentRow.spare.is_(False))
    .group_by(PaymentRow.order_id)
    .having(_BACK > 0)
)


def _told(found: Paying) -> dict[str, Any]:
    names = ("order_id", "method", "status", "amount", "captured", "refunded", "currency", "created_at")
    done = [{"kind": one.kind, "amount": one.amount, "at": one.at} for one in found.transactions]
    return {name: getattr(found.payment, name) for name in names} | {"transactions": done}


def _all() -> Select[PaymentRow, str, str | None, str]:
    of_order = (OrderRow.number, OrderRow.customer_id, OrderRow.cart_id)
    return select(PaymentRow, *of_order).join(OrderRow, OrderRow.id == PaymentRow.order_id)


_DONE = (
    select(TransactionRow)
    .where(in_list(TransactionRow.payment_id, "payments"))
    .order_by(TransactionRow.at, TransactionRow.id)
)


def _with_transactions(session: Session, query: Select[PaymentRow, str, str | None, str]) -> list[Paying]:
    rows = session.execute(query).all()
    done: dict[str, list[TransactionRow]] = defaultdict(list)
    for transaction in session.scalars(_DONE, {"payments": [payment.id for payment, *_ in rows]}) if rows else ():
        done[transaction.payment_id].append(transaction)
    return [Paying(payment, number, owner, cart, done[payment.id]) for payment, number, owner, cart in rows]
