"""Invoices: the order as it was placed, with the seller, the language and the day as of the moment of issue.

An invoice never changes again. What is refunded later stands in credit notes of its own: see credit_notes.py.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from letters.figures import shops_day
from letters.papers import Facts, Line
from shop.accounts import postal_forms
from shop.accounts.users import UserRow
from shop.fulfilment.parcels import GONE, FulfilmentRow
from shop.invoicing import numbers as invoice_numbers
from shop.invoicing import sellers
from shop.invoicing import sums as invoice_sums
from shop.invoicing.numbers import InvoiceRow
from shop.kernel.errors import IllegalMove
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import PaymentStatus
from shop.payments.payments import PaymentRow

PAID = (
    PaymentStatus.PARTIALLY_PAID,
    PaymentStatus.PAID,
    PaymentStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED,
)


def of(session: Session, order: OrderRow) -> Facts:
    """Return what the order's invoice says; issues it if there is none. Raises as `issue` does."""
    row = issue(session, order)
    said: dict[str, Any] = row.said or {}
    return Facts(
        number=str(row),
        day=date.fromisoformat(said["day"]),
        rates=invoice_sums.by_rate(order),
        total=order.total,
        lines=[_line(line) for line in order.lines],
        sums=invoice_sums.of(order),
        shipping_method=order.shipping_method,
        paid=said["paid"] if said["paid"] < order.total else None,
        tax_included=order.tax_included,
        delivered=date.fromisoformat(said["delivered"]) if said["delivered"] else None,
        **parties(order, said),
    )


def issue(session: Session, order: OrderRow) -> InvoiceRow:
    """Return the order's invoice; if there is none, lock the order and issue it. Safe with two at once.

    Raises IllegalMove if nothing was ever paid, SellerUnknown.
    """
    row = invoice_numbers.issued(session, order.id)
    if row is None and order.payment_status not in PAID:
        raise IllegalMove("There is an invoice once the order is paid.")
    if row is None or row.said is None:
        orders.lock(session, order.id)
        row = invoice_numbers.issue(session, order.id)
        row.said = row.said or _said(session, order, row.issued_at)
        session.flush()
    return row


def parties(order: OrderRow, said: dict[str, Any]) -> dict[str, Any]:
    """Return what invoice and credit note have in common: buyer, seller, order number, currency, language."""
    given = order.billing_address or order.shipping_address
    buyer = postal_forms.lines(given, said["language"])
    about = {"order": order.number, "currency": order.currency, "vat_id": order.vat_id}
    return {**about, "buyer": buyer, "seller": said["seller"], "language": said["language"]}


def frame(session: Session, order: OrderRow, at: datetime) -> dict[str, Any]:
    """Return what a paper keeps of the moment of its issue: seller, language, the shop's day. Raises SellerUnknown."""
    theirs = session.scalar(select(UserRow.language).where(UserRow.id == order.customer_id))
    return {"seller": sellers.ours(), "language": theirs or order.language, "day": shops_day(at).isoformat()}


def _said(session: Session, order: OrderRow, at: datetime) -> dict[str, Any]:
    parcel, paid = FulfilmentRow, PaymentRow
    sent = select(func.max(parcel.shipped_at)).where(parcel.order_id == order.id, parcel.status.in_(GONE))
    taken = select(func.sum(paid.captured)).where(paid.order_id == order.id, paid.spare.is_(False))
    left = session.scalar(sent)
    delivered = shops_day(left).isoformat() if left else None
    return {**frame(session, order, at), "paid": int(session.scalar(taken) or 0), "delivered": delivered}


def _line(line: orders.OrderLineRow) -> Line:
    return Line(line.sku, line.name, line.tax_rate, line.quantity, line.unit_price, line.total)
