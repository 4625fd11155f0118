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

PAID = (
    PaymentStatus.PARTIALLY_PAID,
    PaymentStatus.PAID,
    PaymentStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED,
)
ADDRESS = ("name", "line1", "line2", "postal_code", "city", "region", "country")


@dataclass(frozen=True)
class Invoice:
    """`sums`: what is written under the lines, from the subtotal to the total; without those that are zero.

    `paid`: under the total, what was taken of it and what is open; nothing when all of it was taken.
    """

    order: OrderRow
    row: InvoiceRow
    sums: list[tuple[str, Money]]
    paid: list[tuple[str, Money]]
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
    """It gets its number when it is asked for first. IllegalMove for an order of which nothing was ever paid."""
    if order.payment_status not in PAID:
        raise IllegalMove("There is an invoice once the order is paid.")
    row = invoice_numbers.issued(session, order.id) or invoice_numbers.issue(session, order.id)
    taken, back = _moved(session, order)
    return Invoice(order, row, _sums(order), _paid(order, taken), Money(back, order.currency), _refunds(session, order))


def _moved(session: Session, order: OrderRow) -> tuple[int, int]:
    """What was taken for it, and what of that went back, of the payment that it is paid with."""
    row = PaymentRow
    sums = select(func.sum(row.captured), func.sum(row.refunded + row.settled))
    taken, back = session.execute(sums.where(row.order_id == order.id, row.spare.is_(False))).one()
    return int(taken or 0), int(back or 0)


def _paid(order: OrderRow, taken: int) -> list[tuple[str, Money]]:
    if taken >= order.total:
        return []
    return [("Paid", Money(taken, order.currency)), ("Open", Money(order.total - taken, order.currency))]


def _refunds(session: Session, order: OrderRow) -> list[tuple[datetime, Money]]:
    """Each for itself, oldest first, by whatever way it went back."""
    done = TransactionRow
    theirs = select(done).join(PaymentRow, PaymentRow.id == done.payment_id)
    mine = (PaymentRow.order_id == order.id, PaymentRow.spare.is_(False), done.kind.in_(("refund", "settle")))
    rows = session.scalars(theirs.where(*mine).order_by(done.at, done.id))
    return [(row.at, Money(row.amount, order.currency)) for row in rows]


def _taxes(order: OrderRow) -> dict[str, int]:
    """By rate, of goods and of shipping; of older orders in one sum."""
    how = ", included" if order.tax_included else ""
    found = {f"Tax {_per_cent(one['rate'])} %{how}": one["tax"] for one in order.taxes or []}
    return found or {f"Tax{how}": order.tax}


def _per_cent(rate: int) -> str:
    """1900 is 19, 550 is 5.5."""
    return f"{rate // 100}.{rate % 100:02d}".rstrip("0").rstrip(".")


def _sums(order: OrderRow) -> list[tuple[str, Money]]:
    amounts = {
        "Subtotal": order.subtotal,
        "Discount": -order.discount,
        f"Shipping, {order.shipping_method}": order.shipping,
        **_taxes(order),
    }
    return [(label, Money(amount, order.currency)) for label, amount in amounts.items() if amount]
