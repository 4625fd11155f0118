"""Events about the availability of a SKU, recorded and published when it runs low or comes back."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.bulk import inserting
from db.functions import transaction_time
from db.schema import At, Base, Id, new_id
from db.statements import table_of
from shop.catalogue import tables as catalogue_tables
from shop.kernel.skus import SKU_LENGTH
from shop.stock import alerts as stock_alerts
from shop.webhooks import events as happenings
from shop.webhooks.events import DomainEvent
from shop.webhooks.events import Kind as KindOfFact


class AvailabilityEvent(StrEnum):
    """The bound that a change of stock has crossed."""

    LOW = "low_stock"  # no more than its threshold is left
    BACK = "back_in_stock"  # there was none, now there is


class StockEventRow(Base):
    """One such event, never changed. `available`: how many could be ordered after the change."""

    __tablename__ = "stock_events"

    id: Mapped[Id] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(SKU_LENGTH), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    available: Mapped[int]
    at: Mapped[At] = mapped_column(default=transaction_time())


class Change(NamedTuple):
    """How many of a SKU could be ordered before and after a change, read under its lock; `low_at`: its threshold."""

    sku: str
    before: int
    after: int
    low_at: int | None


def record(session: Session, changes: Iterable[Change]) -> None:
    """Record the events of these changes, publish them to webhooks and start the stock alerts of what is back.

    Belongs into the transaction of the change, so that no event is lost, and none is of a change that rolled back.
    """
    changes = [change for change in changes if change.before != change.after]
    if changes:
        sold_out_or_back = any((change.before > 0) != (change.after > 0) for change in changes)
        catalogue_tables.stock_changed(session, [change.sku for change in changes], lists=sold_out_or_back)
    events = [_event(change, kind) for change in changes for kind in _crossed(change)]
    if events and any(_NOTE(session, events).scalars().all()):
        happenings.publish(session, [_fact(event) for event in events])
    stock_alerts.wake(
        session, {event["sku"]: event["id"] for event in events if event["kind"] == AvailabilityEvent.BACK}
    )


def of(session: Session, sku: str, *, limit: int, before: str | None = None) -> list[StockEventRow]:
    """List the SKU's events, newest first, from below the id `before`."""
    query = select(StockEventRow).where(StockEventRow.sku == sku).order_by(StockEventRow.id.desc()).limit(limit)
    return list(session.scalars(query.where(StockEventRow.id < before) if before else query))


def _crossed(change: Change) -> list[AvailabilityEvent]:
    low = change.low_at is not None and change.after <= change.low_at < change.before
    return [AvailabilityEvent.LOW] * low + [AvailabilityEvent.BACK] * (change.before <= 0 < change.after)


def _event(change: Change, kind: AvailabilityEvent) -> dict[str, Any]:
    return {"id": new_id(), "sku": change.sku, "kind": kind, "available": change.after}


def _fact(event: dict[str, Any]) -> DomainEvent:
    kind = KindOfFact.STOCK_LOW if event["kind"] == AvailabilityEvent.LOW else KindOfFact.STOCK_BACK
    return DomainEvent(kind, {"sku": event["sku"], "available": event["available"]})


_NOTE = inserting(
    table_of(StockEventRow), "id", "sku", "kind", "available", then=lambda insert: insert.returning(happenings.HEARD)
)
