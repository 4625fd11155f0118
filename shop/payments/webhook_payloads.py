"""Publish the `payment.*` events, and build their payloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy.orm import Session

from shop.webhooks import events
from shop.webhooks.events import DomainEvent, Kind

TOLD = {
    "authorise": Kind.PAYMENT_AUTHORISED,
    "capture": Kind.PAYMENT_CAPTURED,
    "refund": Kind.PAYMENT_REFUNDED,
    "void": Kind.PAYMENT_VOIDED,
}
"""The event of each kind of transaction; kinds left out are book-keeping and publish none."""


class Moved(NamedTuple):
    """An amount of a payment that moved, in minor units."""

    payment_id: str
    order_id: str
    amount: int
    currency: str


class Charged(Protocol):
    @property
    def payment_id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def currency(self) -> str: ...


def tell(session: Session, kind: str, transactions: Sequence[Moved]) -> None:
    """Publish the event of this kind of transaction, one for each; kinds outside TOLD publish none."""
    if kind in TOLD:
        events.publish(session, [DomainEvent(TOLD[kind], _data(one)) for one in transactions])


def tell_of_charge(session: Session, kind: Kind, charge: Charged, code: str = "") -> None:
    """Publish an event about a charge; `code`: why it was refused, where it was."""
    events.publish(session, [DomainEvent(kind, _data(charge) | ({"code": code} if code else {}))])


def _data(one: Charged) -> dict[str, Any]:
    money = {"amount": one.amount, "currency": one.currency}
    return {"payment_id": one.payment_id, "order_id": one.order_id, "amount": money}
