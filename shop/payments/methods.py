"""How an order can be paid, and why it can not."""

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
    """Who is to pay what. `credit` is what is in their wallet; `placed`: the order is there already."""

    customer_id: str | None = None
    total: int | None = None
    credit: int = 0
    placed: bool = False
    confirmed: bool = False


@dataclass(frozen=True)
class Way:
    """`why` is empty when it can be used."""

    method: str
    provider: str
    why: str = ""

    @property
    def usable(self) -> bool:
        return not self.why


def check(method: str, token: str | None) -> None:
    """Invalid unless it is one of ours, with a token if it needs one and without if it does not."""
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
    """Authorised first, and taken when it is sent."""
    return method == "card" and settings().payment_capture == "on_fulfilment"


def ways(buyer: Buyer) -> Iterator[Way]:
    for method in METHODS:
        yield Way(method, provider_of(method), hindrance(method, buyer))


def hindrance(method: str, buyer: Buyer) -> str:
    """A stable code, or nothing."""
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
