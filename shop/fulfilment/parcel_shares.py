"""The share of an order's money that belongs to a parcel: its goods, and in proportion shipping, discount and tax."""

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
    """Return the share of the goods `coming` after those sent `before`, in minor units.

    The shares of all parcels add up to the order's total exactly.
    """
    return due(order, Counter(before) + Counter(coming)) - due(order, before)


def due(order: OrderRow, goods: Quantities) -> int:
    """Return what is due for these goods, in minor units, rounded down: the last parcel takes what is left."""
    if all(goods.get(line.sku, 0) >= line.quantity for line in order.lines):
        return order.total
    whole = worth(order, ordered(order))
    return order.total * worth(order, goods) // whole if whole else 0


def check_paid_for(session: Session, order: OrderRow, before: Quantities, coming: Quantities) -> None:
    """Lock the payment and raise NotPaidFor when less is captured and authorised than is due with these goods.

    A partial refund does not count against it: it may be goodwill. Raises IllegalMove when all was refunded. Payments
    other than by card pass.
    """
    if order.payment_status == PaymentStatus.REFUNDED:
        raise IllegalMove("All that was paid for the order was given back.")
    payment = replacement.first_of(session, order.id)
    missing = due(order, Counter(before) + Counter(coming)) - _there(payment)
    if payment.method == "card" and missing > 0:
        short = Money(missing, order.currency)
        raise NotPaidFor(f"{short} of what these goods cost are neither captured nor authorised.", missing=missing)


def _there(payment: PaymentRow) -> int:
    """Return what is captured, refunds included, and authorised; an authorisation being voided counts no more."""
    return payment.captured + (0 if payment.status == Status.VOIDING else payment.authorised)
