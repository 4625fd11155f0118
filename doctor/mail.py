"""Invariants of what customers are told."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session, aliased

from doctor.finding import invariant
from engine.states import State
from engine.tables import RunRow
from shop.notifications import NotificationRow
from shop.orders import OrderRow, Status


@invariant("I7", "at most one mail per event and recipient, exactly one for a confirmed or cancelled order")
def told_once(session: Session) -> Iterator[str]:
    row = NotificationRow
    twice = (
        select(row.event, row.subject_id, row.recipient)
        .group_by(row.event, row.subject_id, row.recipient, row.channel)
        .having(func.count() > 1)
    )
    for event, subject, _ in session.execute(twice):
        yield f"{event} of {subject} was sent more than once"
    yield from _untold(session, "place_order", Status.CONFIRMED, "order_confirmed")
    yield from _untold(session, "cancel_order", Status.CANCELLED, "order_cancelled")
    yield from _told_too_early(session)


def _untold(session: Session, workflow: str, status: Status, event: str) -> Iterator[str]:
    told = aliased(NotificationRow)
    untold = (
        select(OrderRow.id)
        .join(RunRow, (RunRow.subject_id == cast(OrderRow.id, String)) & (RunRow.workflow == workflow))
        .outerjoin(told, (told.subject_id == OrderRow.id) & (told.event == event))
        .where(OrderRow.status == status, RunRow.state == State.SUCCEEDED)
        .where(told.id.is_(None) | (told.state == "sending"))
    )
    for order in session.scalars(untold):
        yield f"order {order} is {status} and its customer was not told"


def _told_too_early(session: Session) -> Iterator[str]:
    row = NotificationRow
    early = (
        select(OrderRow.id, OrderRow.status)
        .join(row, row.subject_id == OrderRow.id)
        .where(row.event == "order_confirmed", OrderRow.status.in_((Status.PENDING, Status.FAILED)))
    )
    for order, status in session.execute(early):
        yield f"order {order} is {status} and its customer was told it is confirmed"
