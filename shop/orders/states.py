"""The states of an order, of its payment and of its fulfilment, and the moves between the first."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The state of an order."""

    PENDING = "pending"  # accepted; its workflow is under way
    CONFIRMED = "confirmed"  # paid and sold
    CANCELLING = "cancelling"  # called off after it was paid; the refund is under way
    FAILED = "failed"  # could not be paid or supplied; everything is undone
    CANCELLED = "cancelled"  # called off, everything is undone


class PaymentStatus(StrEnum):
    """How far an order is paid, by its payment in use."""

    UNPAID = "unpaid"
    ACTION_REQUIRED = "action_required"
    PENDING = "pending"  # the money is to come by transfer, or in cash at the door
    AUTHORISED = "authorised"  # captured when the goods are sent
    PARTIALLY_PAID = "partially_paid"  # less was captured than the total; more only if some is still authorised
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class FulfilmentStatus(StrEnum):
    """How much of an order has been given to a carrier, or is packed to be."""

    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"


MOVES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.CONFIRMED, Status.FAILED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED, Status.CONFIRMED}),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
GIVEN_UP = (Status.FAILED, Status.CANCELLED)
