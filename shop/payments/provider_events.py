"""Provider events: each is stored once, also when no payment is known that it could be about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Index, String, or_, select, text, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.functions import in_seconds, transaction_time
from db.schema import At, Base, Document, Id
from db.statements import upsert
from shop.orders import orders
from shop.orders.orders import OrderRow
from shop.orders.states import GIVEN_UP
from shop.payments.charges import CLOSED
from shop.payments.payments import PaymentRow

_OPEN = text("handled_at IS NULL")


class WebhookEventRow(Base):
    """One provider event. `handled_at`: None while no order is known for it; `problem`: shown to staff."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index("ix_webhook_events_received_at", "received_at"),
        Index("ix_webhook_events_open", "received_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    provider_id: Mapped[str] = mapped_column(String(255), default="", server_default="")
    reference: Mapped[str] = mapped_column(String(255), default="", server_default="")
    problem: Mapped[str | None] = mapped_column(String(40))
    order_id: Mapped[Id | None] = mapped_column(index=True)
    payload: Mapped[Document]
    received_at: Mapped[At] = mapped_column(default=transaction_time())
    handled_at: Mapped[At | None]


class Problem(StrEnum):
    """Why staff should look at a provider event."""

    UNKNOWN_ORDER = "unknown_order"
    OTHER_AMOUNT = "other_amount"
    TOO_LATE = "too_late"  # the order was given up: whatever was taken goes back


@dataclass(frozen=True)
class Told:
    """A provider event as the shop reads it; `amount` in minor units."""

    provider: str
    id: str
    type: str
    provider_id: str
    reference: str
    status: str
    amount: int
    currency: str


def store(session: Session, told: Told, payload: dict[str, Any]) -> bool:
    """Store a provider event; returns False when it is stored already and needs no reaction."""
    about = {"provider_id": told.provider_id[:255], "reference": told.reference[:255]}
    named = {"provider": told.provider, "event_id": told.id, "type": told.type[:80]}
    values = {**named, **about, "payload": payload, "problem": Problem.UNKNOWN_ORDER, "received_at": transaction_time()}
    statement = upsert(session, WebhookEventRow).values(values)
    return session.scalar(statement.on_conflict_do_nothing().returning(WebhookEventRow.event_id)) is not None


def payment_of(session: Session, provider: str, provider_id: str, reference: str) -> PaymentRow | None:
    """Find the payment an event is about, by the charge's id or, if that is not recorded yet, by the order's.

    `reference`: the order's id, as it was sent with the charge. Prefers a match by charge, then the payment in use.
    """
    row = PaymentRow
    known = [(row.provider_id == provider_id)]
    if _is_id(reference):
        known.append(row.order_id == reference)
    found = select(row).join(OrderRow, OrderRow.id == row.order_id).where(row.provider == provider)
    return session.scalars(found.where(or_(*known)).order_by(row.provider_id != provider_id, row.spare)).first()


QUIET = ("voided", "failed", "canceled", "requires_action", "refunded")
"""Statuses that are no problem when a payment was given up: nothing of its money is with the shop."""


def judge(session: Session, told: Told, payment: PaymentRow) -> Problem | None:
    """Compare an event with its payment; None: no problem."""
    order = orders.get(session, payment.order_id)
    given_up = order.status in GIVEN_UP and payment.status in CLOSED
    if given_up and told.status not in QUIET:
        return Problem.TOO_LATE
    same = (told.amount, told.currency) in ((payment.amount, payment.currency), (payment.captured, payment.currency))
    return None if same else Problem.OTHER_AMOUNT


def handled(session: Session, provider: str, event_id: str, order_id: str | None, problem: Problem | None) -> None:
    """Mark a stored event as handled, with the order it was about and the problem found."""
    row = WebhookEventRow
    this = (row.provider == provider, row.event_id == event_id)
    session.execute(update(row).where(*this).values(order_id=order_id, handled_at=transaction_time(), problem=problem))


def newest(session: Session, *, limit: int, problem: str | None, before: Sequence[Any] | None) -> list[WebhookEventRow]:
    """List events, newest first; `before`: `received_at` and `event_id` of the last one on the page before."""
    row = WebhookEventRow
    query = select(row).order_by(row.received_at.desc(), row.event_id.desc()).limit(limit)
    if problem:
        query = query.where(row.problem == problem)
    if before:
        query = query.where(tuple_(row.received_at, row.event_id) < tuple_(*before))
    return list(session.scalars(query))


class FoundAgain(NamedTuple):
    """A stored event whose payment is known by now; `key` names the event among all of all providers."""

    key: str
    order_id: str
    payment_id: str


def found_again(session: Session, days: float = 7.0, batch: int = 200) -> list[FoundAgain]:
    """Look again for the payments of unhandled events of the last `days`, oldest first, at most `batch`.

    Marks those found as handled, without a problem: what they said may be old, so the caller asks the provider.
    """
    row = WebhookEventRow
    open_ = select(row).where(row.handled_at.is_(None), row.received_at > in_seconds(-days * 86_400))
    found = []
    for event in session.scalars(open_.order_by(row.received_at).limit(batch)).all():
        payment = payment_of(session, event.provider, event.provider_id, event.reference)
        if payment:
            handled(session, event.provider, event.event_id, payment.order_id, None)
            key = f"{event.provider}:{event.event_id}"
            found.append(FoundAgain(key, payment.order_id, payment.id))
    return found


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
