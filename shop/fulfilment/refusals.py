"""What parcels refuse."""

from __future__ import annotations

from shop.kernel.errors import Refusal


class NotPaidFor(Refusal):
    """Goods that would be sent, and whose share of the money is not there."""

    code, title = "not_paid_for", "Not paid for"
