"""Messages about refunds: one for each refund."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from shop.notices import orders as order_notices
from shop.notifications import outbox
from shop.notifications.notice import Notice
from shop.notifications.outbox import NotificationRequest, NotificationRow, marked
from shop.payments import refund_rows
from shop.payments.payments import PaymentRow
from shop.payments.refund_rows import RefundRow, Status

KIND = "refunded"
GIVEN = (Status.DONE, Status.SETTLED)


def begin(session: Session, orders: Mapping[str, str]) -> dict[str, Notice]:
    """Record the notifications about what these runs refunded. `orders`: by run, the order.

    Returns the notices by run. Leaves out refunds of which the customer has been notified.
    """
    given = {run: row for run in orders if (row := _given(session, run))}
    known = order_notices.known(session, [orders[run] for run in given])
    tellings = {
        run: NotificationRequest(KIND, orders[run], known[orders[run]].email, turn=row.id, about=row.id)
        for run, row in given.items()
        if orders[run] in known
    }
    begun = outbox.note(session, list(tellings.values()))
    return {
        run: marked(_notice(session, begun[one], known[one.subject_id], given[run]), one)
        for run, one in tellings.items()
        if one in begun
    }


def of_row(session: Session, row: NotificationRow) -> Notice | None:
    """Build the notice of a row. None: the refund is not done, or the order is anonymised."""
    order = order_notices.known(session, [row.subject_id]).get(row.subject_id)
    refund = session.get(RefundRow, row.about)
    return _notice(session, row.id, order, refund) if order and refund and refund.status in GIVEN else None


def _given(session: Session, run: str) -> RefundRow | None:
    return session.scalars(refund_rows.of_run(run).where(RefundRow.status.in_(GIVEN))).first()


def _notice(session: Session, id: str, order: object, refund: RefundRow) -> Notice:
    return order_notices.notice(
        id, KIND, order, amount=refund.amount, currency=refund.currency, how=_way(session, refund)
    )


def _way(session: Session, refund: RefundRow) -> str:
    """Name the way the money went back, for the letter: `hand`, the wallet or the refund's destination."""
    if refund.destination == refund_rows.SOURCE and refund.status == Status.SETTLED:
        return "hand"
    by_credit = session.get_one(PaymentRow, refund.payment_id).method == "wallet"
    return refund_rows.WALLET if by_credit else refund.destination
