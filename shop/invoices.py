"""What an invoice says: the order as it was paid, and what of it went back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop import invoice_numbers
from shop.errors import IllegalMove
from shop.invoice_numbers import InvoiceRow
from shop.money import Money
from shop.orders import OrderRow, PaymentStatus
from shop.payments import PaymentRow, TransactionRow

PAID = (PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
ADDRESS = ("name", "line1", "line2", "postal_code", "city", "region", "country")


@dataclass(frozen=True)
class Invoice:
    """`sums`: what is written under the lines, from the subtotal to the total; without those that are zero."""

    order: OrderRow
    row: InvoiceRow
    sums: list[tuple[str, Money]]
    refunded: Money
    refunds: Sequence[tuple[datetime, Money]]

    @property
    def number(self) -> str:
        return str(self.row)

    @property
    def address(self) -> list[str]:
        given = self.order.shipping_address
        return [str(given[name]) for name in ADDRESS if given.get(name)]

    def money(self, amount: int) -> Money:
        return Money(amount, self.order.currency)


def of(session: Session, order: OrderRow) -> Invoice:
    """It gets its number when it is asked for first. IllegalMove for an order that was never paid."""
    if order.payment_status not in PAID:
        raise IllegalMove("There is an invoice once the order is paid.")
    row = invoice_numbers.issued(session, order.id) or invoice_numbers.issue(session, order.id)
    back = session.scalar(select(func.sum(PaymentRow.refunded)).where(PaymentRow.order_id == order.id))
    whole = Money(int(back or 0), order.currency)
    return Invoice(order, row, _sums(order), whole, _refunds(session, order))


def _refunds(session: Session, order: OrderRow) -> list[tuple[datetime, Money]]:
    """Each for itself, oldest first."""
    done = TransactionRow
    theirs = select(done).join(PaymentRow, PaymentRow.id == done.payment_id).where(PaymentRow.order_id == order.id)
    rows = session.scalars(theirs.where(done.kind == "refund").order_by(done.at, done.id))
    return [(row.at, Money(row.amount, order.currency)) for row in rows]


def _sums(order: OrderRow) -> list[tuple[str, Money]]:
    amounts = {
        "Subtotal": order.subtotal,
        "Discount": -order.discount,
        f"Shipping, {order.shipping_method}": order.shipping,
        "Tax, included" if order.tax_included else "Tax": order.tax,
    }
    return [(label, Money(amount, order.currency)) for label, amount in amounts.items() if amount]
