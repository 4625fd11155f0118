"""Webhook deliveries: what is to be posted, the outcome of each attempt, and replays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select, update
from sqlalchemy.orm import Session

from db.functions import statement_time
from shop.kernel.errors import IllegalMove, NotFound
from shop.webhooks import admin_notices, events
from shop.webhooks import endpoints as webhook_endpoints
from shop.webhooks.endpoints import EndpointRow
from shop.webhooks.events import DeliveryRow, DeliveryState, DomainEvent, DomainEventRow, Kind

Logged = Row[DeliveryRow, DomainEventRow]
FAILING, GONE = "failing", "gone"


@dataclass(frozen=True)
class Letter:
    """A webhook delivery to be posted: signed with these secrets at `now`, a moment of the database's clock."""

    id: str
    endpoint_id: str
    url: str
    kind: str
    happened_at: datetime
    data: dict[str, Any]
    now: datetime
    secrets: Sequence[str] = field(repr=False)


@dataclass(frozen=True)
class Attempt:
    """The outcome of one attempt; `status` None: there was no answer."""

    status: int | None
    answer: str
    ms: int
    error: str | None = None


def letters(session: Session, ids: Sequence[str]) -> dict[str, Letter | None]:
    """Load what is to be posted, by delivery. None: its endpoint is disabled. Deliveries that are gone are left out."""
    row, end, what = DeliveryRow, EndpointRow, DomainEventRow
    columns = (row.id, end.id, end.url, what.kind, what.at, what.data, statement_time(), end.disabled_at, end.secret)
    joined = select(*columns, end.old_secret, end.old_secret_until).join(end, end.id == row.endpoint_id)
    rows = session.execute(joined.join(what, what.id == row.happening_id).where(row.id.in_(ids)))
    return {found[0]: _letter(found) for found in rows}


def _letter(found: Any) -> Letter | None:
    id, endpoint, url, kind, happened_at, data, at, disabled_at, secret, old, until = found
    secrets = [secret, *([old] if old and until > at else [])]
    return None if disabled_at else Letter(id, endpoint, url, kind, happened_at, data, at, secrets)


def note(session: Session, id: str, attempt: Attempt, state: DeliveryState) -> None:
    """Record an attempt and the state it leaves the delivery in."""
    values = {"status": attempt.status, "answer": attempt.answer, "ms": attempt.ms, "error": attempt.error}
    _set(session, id, attempts=DeliveryRow.attempts + 1, state=state, **values)


def give_up(session: Session, id: str, why: str) -> None:
    """Mark a delivery as failed: it is not retried.

    Its endpoint is disabled if it has accepted nothing since this delivery was created, unless it was cancelled or
    disabled anyway.
    """
    _set(session, id, state=DeliveryState.FAILED, error=why)
    row = session.get(DeliveryRow, id)
    if row and why not in ("endpoint_disabled", "cancelled") and not _took_any(session, row):
        disable(session, row.endpoint_id, FAILING)


def disable(session: Session, endpoint_id: str, why: str) -> bool:
    """Disable an endpoint, publish `webhook_endpoint.disabled` and notify the administrators.

    Returns False, and does nothing, if it was disabled already or is gone.
    """
    if not webhook_endpoints.disable(session, endpoint_id, why):
        return False
    url = webhook_endpoints.get(session, endpoint_id).url
    events.publish(session, [DomainEvent(Kind.ENDPOINT_DISABLED, {"endpoint_id": endpoint_id, "url": url, "why": why})])
    admin_notices.tell_of_disabled(session, endpoint_id)
    return True


def _took_any(session: Session, row: DeliveryRow) -> bool:
    other = DeliveryRow
    taken = (other.endpoint_id == row.endpoint_id, other.state == DeliveryState.DELIVERED)
    return bool(session.scalar(select(exists().where(*taken, other.updated_at > row.created_at))))


def listed(session: Session, endpoint_id: str, *, limit: int, before: str | None) -> Sequence[Logged]:
    """List an endpoint's deliveries with their domain events, newest first, beginning below the id `before`."""
    query = select(DeliveryRow, DomainEventRow).join(DomainEventRow, DomainEventRow.id == DeliveryRow.happening_id)
    query = query.where(DeliveryRow.endpoint_id == endpoint_id).order_by(DeliveryRow.id.desc()).limit(limit)
    return session.execute(query.where(DeliveryRow.id < before) if before else query).all()


def replay(session: Session, endpoint: EndpointRow, id: str) -> tuple[DeliveryRow, DomainEventRow]:
    """Reopen a delivery, to be attempted anew by a run that the caller starts.

    Its webhook-id stays, so that the receiver can recognise it. Raises NotFound, and IllegalMove while it is pending or
    its endpoint is disabled.
    """
    found = select(DeliveryRow).where(DeliveryRow.id == id, DeliveryRow.endpoint_id == endpoint.id).with_for_update()
    row = session.scalars(found).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    if row.state == DeliveryState.PENDING:
        raise IllegalMove("It is still on its way.")
    if endpoint.disabled_at:
        raise IllegalMove("The endpoint is disabled; enable it first.")
    row.state, row.replays, row.updated_at = DeliveryState.PENDING, row.replays + 1, statement_time()
    session.flush()
    session.refresh(row)
    return row, session.get_one(DomainEventRow, row.happening_id)


def _set(session: Session, id: str, **values: Any) -> None:
    changing = update(DeliveryRow).where(DeliveryRow.id == id).values(updated_at=statement_time(), **values)
    session.execute(changing.execution_options(synchronize_session=False))
