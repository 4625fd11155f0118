"""The refusals of parcels."""

from __future__ import annotations

from shop.kernel.errors import Refusal


class NotPaidFor(Refusal):
    """The goods would be sent while their share of the money is neither captured nor authorised."""

    code, title = "not_paid_for", "Not paid for"
