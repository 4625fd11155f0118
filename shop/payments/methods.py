"""Payment methods: which there are, and what stands against one for a given buyer and order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config import settings
from shop.kernel.errors import Invalid
from shop.payments import card_numbers
from shop.payments.offline import OURS

METHODS = ("card", "bank_transfer", "cash_on_delivery", "wallet")


@dataclass(frozen=True)
class Buyer:
    """A customer or guest and what they are to pay, in minor units.

    total: None when it is not known yet. credit: the balance of their wallet. placed: the order exists already.
    confirmed: and is confirmed.
    """

    customer_id: str | None = None
    total: int | None = None
    credit: int = 0
    placed: bool = False
    confirmed: bool = False


@dataclass(frozen=True)
class Way:
    """One payment method as a buyer may use it. `why`: the code of what stands against it; empty: usable."""

    method: str
    provider: str
    why: str = ""

    @property
    def usable(self) -> bool:
        return not self.why


def check(method: str, token: str | None) -> None:
    """Raise Invalid for an unknown method, a card without a token, another method with one, or a card number."""
    if method not in METHODS:
        raise Invalid({"payment.method": [f"One of {', '.join(METHODS)}."]})
    if method == "card" and not token:
        raise Invalid({"payment.token": ["A card is paid with the token that the provider gave for it."]})
    if method != "card" and token:
        raise Invalid({"payment.token": ["Only a card has one."]})
    if token and card_numbers.is_one(token):
        raise Invalid({"payment.token": ["That is a card's number. Send the token that the provider gave for it."]})


def provider_of(method: str) -> str:
    return settings().payment_provider if method == "card" else OURS


def is_captured_later(method: str) -> bool:
    """Return whether payments of this method are authorised first and captured when parcels are sent."""
    return method == "card" and settings().payment_capture == "on_fulfilment"


def ways(buyer: Buyer) -> Iterator[Way]:
    for method in METHODS:
        yield Way(method, provider_of(method), hindrance(method, buyer))


def hindrance(method: str, buyer: Buyer) -> str:
    """Return the stable code of what stands against this method, or an empty string."""
    if method == "wallet" and buyer.customer_id is None:
        return "account_needed"
    if method == "wallet" and buyer.total is not None and buyer.credit < buyer.total:
        return "insufficient_credit"
    if method == "bank_transfer" and not settings().transfer_account:
        return "no_account"  # that money could be sent to
    if method == "bank_transfer" and buyer.placed:
        return "order_already_placed"  # its goods are not held for days
    if method == "cash_on_delivery" and buyer.confirmed:
        return "order_already_confirmed"
    return ""
