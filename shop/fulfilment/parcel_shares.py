"""What of an order's money belongs to a parcel: its goods, and in proportion shipping, discount and tax."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from shop.fulfilment.refusals import NotPaidFor
from shop.kernel.errors import IllegalMove
from shop.kernel.money import Money
from shop.orders.orders import OrderRow
from shop.orders.quantities import Quantities, ordered, worth
from shop.orders.states import PaymentStatus
from shop.payments import replacement
from shop.payments.payments import PaymentRow, Status


def share(order: OrderRow, before: Quantities, coming: Quantities) -> int:
    """Of these goods, when those were sent before. All together are the order's total, to the cent."""
    return due(order, Counter(before) + Counter(coming)) - due(order, before)


def due(order: OrderRow, goods: Quantities) -> int:
    """Rounded down, so that it is never more than the total, and the last parcel takes what is left."""
    if all(goods.get(line.sku, 0) >= line.quantity for line in order.lines):
        return order.total
    whole = worth(order, ordered(order))
    return order.total * worth(order, goods) // whole if whole else 0


def check_paid_for(session: Session, order: OrderRow, before: Quantities, coming: Quantities) -> None:
    """NotPaidFor where less was taken, or can still be, than is due with these. Holds the payment: it stays so.

    What was given back in part was there, and may be a kindness; when all of it was, nothing is sent any more.
    """
    if order.payment_status == PaymentStatus.REFUNDED:
        raise IllegalMove("All that was paid for the order was given back.")
    payment = replacement.first_of(session, order.id)
    missing = due(order, Counter(before) + Counter(coming)) - _there(payment)
    if payment.method == "card" and missing > 0:
        short = Money(missing, order.currency)
        raise NotPaidFor(f"{short} of what these goods cost are neither captured nor authorised.", missing=missing)


def _there(payment: PaymentRow) -> int:
    """What is being let go is not there any more. What was given back was there."""
    return payment.captured + (0 if payment.status == Status.VOIDING else payment.authorised)
