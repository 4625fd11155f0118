"""What is to be asked of the provider for an order."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Charge:
    """What is needed to ask for an order's money; `provider_id` when it has been asked for before.

    held_for: seconds for which the goods are still the order's; None: it holds none that could be lost.
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
    """What is needed to give an order's money back, or to make sure that none was taken."""

    payment_id: str
    order_id: str
    status: str
    left: int
    currency: str
    charge_key: str
    provider_id: str | None
