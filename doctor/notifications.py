"""Invariants of notifications, stock alerts and e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from doctor.checks import invariant
from engine.states import ENDED
from engine.states import State as RunState
from engine.tables import RunRow
from shop.accounts import email_addresses, users
from shop.accounts.users import UserRow
from shop.fulfilment.parcels import GONE, FulfilmentRow
from shop.notices import failures
from shop.notifications.outbox import OPEN, NotificationRow, State
from shop.orders.orders import OrderRow
from shop.orders.states import Status
from shop.payments import reminders as payment_reminders
from shop.stock.alerts import State as AlertState
from shop.stock.alerts import StockAlertRow


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
    yield from _untold_of_failure(session)
    yield from _told_too_early(session)
    yield from _left_lying(session)
    yield from _sent_by_nobody(session)


def _untold(session: Session, workflow: str, status: Status, event: str) -> Iterator[str]:
    told = aliased(NotificationRow)
    untold = (
        select(OrderRow.id)
        .join(RunRow, (RunRow.subject_id == cast(OrderRow.id, String)) & (RunRow.workflow == workflow))
        .outerjoin(told, (told.subject_id == OrderRow.id) & (told.event == event))
        .where(OrderRow.status == status, RunRow.state == RunState.SUCCEEDED)
        .where(told.id.is_(None) | told.state.in_(OPEN))
    )
    for order in session.scalars(untold):
        yield f"order {order} is {status} and its customer was not told"


def _untold_of_failure(session: Session) -> Iterator[str]:
    """Find failed orders without a notification, since there has been one; anonymised orders have no recipient."""
    told = aliased(NotificationRow)
    since = select(func.min(NotificationRow.created_at)).where(NotificationRow.event == failures.KIND)
    events = (failures.KIND, payment_reminders.OVER)
    untold = (
        select(OrderRow.id)
        .outerjoin(told, (told.subject_id == OrderRow.id) & told.event.in_(events))
        .where(OrderRow.status == Status.FAILED, OrderRow.email != "", told.id.is_(None))
        .where(OrderRow.created_at > since.scalar_subquery())
    )
    for order in session.scalars(untold):
        yield f"order {order} came to nothing and its customer was not told"


def _told_too_early(session: Session) -> Iterator[str]:
    row = NotificationRow
    early = (
        select(OrderRow.id, OrderRow.status)
        .join(row, row.subject_id == OrderRow.id)
        .where(row.event == "order_confirmed", OrderRow.status.in_((Status.PENDING, Status.FAILED)))
    )
    for order, status in session.execute(early):
        yield f"order {order} is {status} and its customer was told it is confirmed"


def _left_lying(session: Session) -> Iterator[str]:
    """Find notifications that are still open although their run has ended or never begun."""
    row, run = NotificationRow, RunRow
    its_own = (run.subject_type == "notification") & (run.subject_id == cast(row.id, String))
    query = select(row.id, row.event, run.state).outerjoin(run, its_own).where(row.state.in_(OPEN))
    for id, event, state in session.execute(query.where(or_(row.state == State.QUEUED, run.id.is_not(None)))):
        if state is None or state in ENDED:
            yield f"notification {id} ({event.partition(':')[0]}) is open, and its run has {state or 'never begun'}"


def _sent_by_nobody(session: Session) -> Iterator[str]:
    """Find notifications of parcels that have not left, and resends without a sender or with another subject."""
    row, parcel, original = NotificationRow, FulfilmentRow, aliased(NotificationRow)
    early = select(row.id).join(parcel, parcel.id == row.about).where(row.event.startswith("order_shipped:"))
    for id in session.scalars(early.where(parcel.status.not_in(GONE))):
        yield f"notification {id} tells of a parcel that has not left"
    again = select(row.id).outerjoin(original, original.id == row.resend_of).where(row.resend_of.is_not(None))
    for id in session.scalars(again.where(row.asked_by.is_(None) | (original.subject_id != row.subject_id))):
        yield f"notification {id} was sent again by nobody, or about something else"


@invariant("I12", "whoever is being told that a SKU is here again is told by a run")
def alerts_are_carried(session: Session) -> Iterator[str]:
    alert, run = StockAlertRow, RunRow
    its_own = and_(run.workflow == "send_stock_alert", run.subject_id == cast(alert.id, String))
    under_way = exists().where(its_own, run.state.not_in(ENDED))
    for id in session.scalars(select(alert.id).where(alert.state == AlertState.TELLING, ~under_way)):
        yield f"stock alert {id} is being told, and its run has ended or never begun"


@invariant("I30", "one mailbox has one spelling, and one account")
def spelled_once(session: Session) -> Iterator[str]:
    row = UserRow
    live = select(row.id, row.email, row.email_hash).where(row.email.is_not(None)).order_by(row.id)
    for id, email, hashed in session.execute(live):
        if email != users.normal(email or ""):
            yield f"account {id} has its address in a spelling from before"
        elif hashed != email_addresses.hashed(email or ""):
            yield f"account {id} is not known to the suppressions by the address it has"
