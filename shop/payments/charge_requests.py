"""The requests that steps carry from the database to the payment provider: a charge, and its reversal."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Charge:
    """A charge to ask the provider for; `amount` in minor units.

    provider_id: the charge to fetch instead, when the provider has one that waits for the customer.
    delayed: authorise only, capture later.
    held_for: seconds until the order's first reservation lapses; None: the order holds no reservation.
    """

    payment_id: str
    order_id: str
    amount: int
    currency: str
    token: str = field(repr=False)
    provider_id: str | None = None
    delayed: bool = False
    held_for: float | None = None


@dataclass(frozen=True)
class Reversal:
    """A charge to reverse: by a refund if it was captured, by a void if not.

    status: of the payment, as read under its lock. left: what is to go back, in minor units.
    charge_key: the idempotency key of the charge, by which it is looked up when `provider_id` is not known.
    """

    payment_id: str
    order_id: str
    status: str
    left: int
    currency: str
    charge_key: str
    provider_id: str | None
