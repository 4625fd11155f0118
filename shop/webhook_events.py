"""What payment providers have told us: each event once, kept even when nobody knows what it is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.orders import OrderRow
from shop.payments import PaymentRow
from sql import At, Base, Document, Id, now, upsert


class WebhookEventRow(Base):
    """`handled_at` is empty while no order is known that the event could be about."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("ix_webhook_events_received_at", "received_at"),)

    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    order_id: Mapped[Id | None] = mapped_column(index=True)
    payload: Mapped[Document]
    received_at: Mapped[At] = mapped_column(default=now())
    handled_at: Mapped[At | None]


def store(session: Session, provider: str, event_id: str, type: str, payload: dict[str, Any]) -> bool:
    """Keep it. Returns False when it was here before: it has done its work then."""
    values = {"provider": provider, "event_id": event_id, "type": type, "payload": payload, "received_at": now()}
    statement = upsert(session, WebhookEventRow).values(values)
    return session.scalar(statement.on_conflict_do_nothing().returning(WebhookEventRow.event_id)) is not None


def order_of(session: Session, provider: str, provider_id: str, reference: str) -> str | None:
    """The order an event is about. The charge's id may not be written down here yet: then its reference tells."""
    row = PaymentRow
    known = [(row.provider_id == provider_id)]
    if _is_id(reference):
        known.append(row.order_id == reference)
    found = select(row.order_id).join(OrderRow, OrderRow.id == row.order_id).where(row.provider == provider)
    return session.scalars(found.where(or_(*known)).order_by(row.provider_id != provider_id)).first()


def handled(session: Session, provider: str, event_id: str, order_id: str) -> None:
    row = WebhookEventRow
    this = (row.provider == provider, row.event_id == event_id)
    session.execute(update(row).where(*this).values(order_id=order_id, handled_at=now()))


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
