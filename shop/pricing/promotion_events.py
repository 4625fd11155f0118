"""Events of promotions. They start and end by themselves, at pricing time; here each start and end is noticed, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, update
from sqlalchemy.orm import Session

from db.functions import statement_time
from shop.kernel.times import rfc3339
from shop.pricing.offers import OfferRow
from shop.webhooks import events
from shop.webhooks.events import DomainEvent, Kind

_PROMOTION = OfferRow.code.is_(None)
_BEGUN = or_(OfferRow.starts_at.is_(None), OfferRow.starts_at <= statement_time())
_ENDED = and_(OfferRow.ends_at.is_not(None), OfferRow.ends_at <= statement_time())
_COLUMNS = (OfferRow.id, OfferRow.name, OfferRow.kind, OfferRow.starts_at, OfferRow.ends_at)


def announce(session: Session) -> int:
    """Publish `promotion.started` and `promotion.ended` for what has begun and ended since the last call. Returns how
    many.

    Of two concurrent calls one finds nothing: the mark is set by the statement that looks. A promotion that is moved to
    a later time starts, or ends, anew.
    """
    _unmark(session)
    started = _mark(session, "started_told_at", _BEGUN, OfferRow.started_told_at.is_(None))
    ended = _mark(session, "ended_told_at", _ENDED, OfferRow.ended_told_at.is_(None))
    facts = [DomainEvent(Kind.PROMOTION_STARTED, _data(row)) for row in started]
    facts += [DomainEvent(Kind.PROMOTION_ENDED, _data(row)) for row in ended]
    events.publish(session, facts, always=True)
    return len(facts)


def withdrawn(session: Session, row: OfferRow) -> None:
    """Publish `promotion.ended` for a promotion that staff are about to delete, if it was running."""
    if row.code is None and row.started_told_at and not row.ended_told_at:
        events.publish(session, [DomainEvent(Kind.PROMOTION_ENDED, _data(row))], always=True)


def _unmark(session: Session) -> None:
    moved = update(OfferRow).where(_PROMOTION, OfferRow.started_told_at.is_not(None)).execution_options(**_PAST)
    session.execute(moved.where(OfferRow.starts_at > statement_time()).values(started_told_at=None, ended_told_at=None))
    running = or_(OfferRow.ends_at.is_(None), OfferRow.ends_at > statement_time())
    session.execute(moved.where(OfferRow.ended_told_at.is_not(None), running).values(ended_told_at=None))


def _mark(session: Session, name: str, *where: Any) -> Sequence[Any]:
    marking = update(OfferRow).where(_PROMOTION, *where).values({name: statement_time()}).execution_options(**_PAST)
    return sorted(session.execute(marking.returning(*_COLUMNS)).all(), key=lambda row: row.id)


_PAST = {"synchronize_session": False}


def _data(row: Any) -> dict[str, Any]:
    times = {name: rfc3339(at) if at else None for name, at in (("starts_at", row.starts_at), ("ends_at", row.ends_at))}
    return {"promotion_id": row.id, "name": row.name, "kind": row.kind, **times}
