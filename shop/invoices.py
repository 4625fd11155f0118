"""What an invoice says: the order as it was paid, and what of it went back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.errors import IllegalMove
from shop.money import Money
from shop.orders import OrderRow, PaymentStatus
from shop.payments import PaymentRow

PAID = (PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)


@dataclass(frozen=True)
class Invoice:
    """`sums`: what is written under the lines, from the subtotal to the total; without those that are zero."""

    order: OrderRow
    sums: list[tuple[str, Money]]
    refunded: Money

    def money(self, amount: int) -> Money:
        return Money(amount, self.order.currency)


def of(session: Session, order: OrderRow) -> Invoice:
    """IllegalMove for an order that was never paid."""
    if order.payment_status not in PAID:
        raise IllegalMove("There is an invoice once the order is paid.")
    back = session.scalar(select(func.sum(PaymentRow.refunded)).where(PaymentRow.order_id == order.id))
    return Invoice(order, _sums(order), Money(int(back or 0), order.currency))


def _sums(order: OrderRow) -> list[tuple[str, Money]]:
    amounts = {
        "Subtotal": order.subtotal,
        "Discount": -order.discount,
        f"Shipping, {order.shipping_method}": order.shipping,
        "Tax, included" if order.tax_included else "Tax": order.tax,
    }
    return [(label, Money(amount, order.currency)) for label, amount in amounts.items() if amount]
