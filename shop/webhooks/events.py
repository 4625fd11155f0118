"""Domain events of the shop, and their deliveries to the endpoints that subscribe to them.

An event is written in the transaction that makes it true, with a delivery for each subscribed endpoint and the run that
carries it: none is lost, none reports what did not happen. Its data is kept as it was then, because a delivery may be a
day late, and `order.placed` with the status of tomorrow would report something else. Without a subscriber nothing is
written, and code that changes many rows learns that from the statement that changes them (HEARD).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, String, Text, delete, exists, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

import engine
from db.bulk import inserting
from db.functions import in_seconds, statement_time, transaction_time
from db.schema import At, Base, Document, Id, new_id
from db.statements import table_of
from shop.webhooks.endpoints import EndpointRow, listens

KEEP_DAYS = 30


class Kind(StrEnum):
    ORDER_PLACED = "order.placed"
    ORDER_CONFIRMED = "order.confirmed"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_FAILED = "order.failed"
    PAYMENT_AUTHORISED = "payment.authorised"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_VOIDED = "payment.voided"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_ACTION_REQUIRED = "payment.action_required"
    STOCK_LOW = "stock.low"
    STOCK_BACK = "stock.back"
    PROMOTION_STARTED = "promotion.started"
    PROMOTION_ENDED = "promotion.ended"
    RUN_NEEDS_ATTENTION = "run.needs_attention"
    ENDPOINT_DISABLED = "webhook_endpoint.disabled"


class DeliveryState(StrEnum):
    PENDING = "pending"  # on its way, or waiting to be tried again
    DELIVERED = "delivered"
    FAILED = "failed"  # given up: after a day, or because its endpoint was disabled


class DomainEventRow(Base):
    """One domain event; never changed. `data` holds ids and public facts, no customer's address or name."""

    __tablename__ = "happenings"
    __table_args__ = (Index("ix_happenings_at", "at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[Document]
    at: Mapped[At] = mapped_column(default=transaction_time())


class DeliveryRow(Base):
    """One domain event for one endpoint. `status`, `answer`, `ms` and `error` are of the last attempt."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[Id] = mapped_column(primary_key=True)
    endpoint_id: Mapped[Id] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), index=True)
    happening_id: Mapped[Id] = mapped_column(ForeignKey("happenings.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(20), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    replays: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    answer: Mapped[str | None] = mapped_column(Text)
    ms: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[At] = mapped_column(default=transaction_time())
    updated_at: Mapped[At] = mapped_column(default=transaction_time())


class DomainEvent(NamedTuple):
    kind: Kind
    data: dict[str, Any]


DELIVER = engine.Named("deliver_webhook")

HEARD = exists(select(literal(1)).where(table_of(EndpointRow).c.disabled_at.is_(None))).label("heard")
"""Whether any endpoint is enabled: for the RETURNING of a statement that is made anyway."""


def publish(session: Session, facts: Sequence[DomainEvent], *, always: bool = False) -> None:
    """Publish domain events: write them with their deliveries and the runs that carry them.

    An event without a subscriber is not written, unless `always`.
    """
    endpoints = session.execute(_LISTENING).all() if facts else []
    rows = [{"id": new_id(), "kind": fact.kind, "data": fact.data} for fact in facts]
    wanted = [(row, one.id) for row in rows for one in endpoints if listens(one.events, str(row["kind"]))]
    kept = rows if always else [row for row in rows if any(row is told for told, _ in wanted)]
    if kept:
        _HAPPEN(session, kept)
    if wanted:
        _deliver(session, [{"id": new_id(), "happening_id": row["id"], "endpoint_id": id} for row, id in wanted])


def _deliver(session: Session, deliveries: list[dict[str, Any]]) -> None:
    _DELIVER(session, deliveries)
    ids = [str(one["id"]) for one in deliveries]
    engine.start_all(session, DELIVER, [engine.RunRequest(key=id, subject=("delivery", id)) for id in ids])


_LISTENING = (
    select(EndpointRow.id, EndpointRow.events).where(EndpointRow.disabled_at.is_(None)).order_by(EndpointRow.id)
)
_HAPPEN = inserting(table_of(DomainEventRow), "id", "kind", "data", at=statement_time())
_DELIVER = inserting(
    table_of(DeliveryRow),
    *("id", "happening_id", "endpoint_id"),
    state=literal(DeliveryState.PENDING.value),
    attempts=literal(0),
    replays=literal(0),
    created_at=statement_time(),
    updated_at=statement_time(),
)


def prune(session: Session, batch: int = 1000) -> int:
    """Delete one batch of events older than KEEP_DAYS, with their deliveries. Returns how many events were deleted.

    Events with a pending delivery stay.
    """
    open_ones = select(DeliveryRow.happening_id).where(DeliveryRow.state == DeliveryState.PENDING)
    old = select(DomainEventRow.id).where(DomainEventRow.at < in_seconds(-86400.0 * KEEP_DAYS))
    ids = session.scalars(old.where(DomainEventRow.id.not_in(open_ones)).order_by(DomainEventRow.at).limit(batch)).all()
    for table, column in ((DeliveryRow, DeliveryRow.happening_id), (DomainEventRow, DomainEventRow.id)):
        session.execute(delete(table).where(column.in_(ids)))
    return len(ids)
