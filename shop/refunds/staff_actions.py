"""What staff do with refunds: request one, cancel it, settle it by hand."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.statements import for_update
from shop.accounts import users
from shop.kernel.errors import IllegalMove, Refusal
from shop.orders import orders
from shop.payments import payments, refund_rows
from shop.payments.charges import LATE
from shop.payments.payments import PaymentRow
from shop.payments.refund_rows import RefundRow, Status
from shop.refunds import refunds


class RefundTooMuch(Refusal):
    """The refund is more than is left of the payment, or nothing."""

    code, title = "refund_exceeds_payment", "More than there is to give back"


class NoWallet(Refusal):
    """The order is a guest's or its account is deleted, so that store credit could not be spent."""

    code, title = "no_wallet", "Nobody has a wallet here"


def request_refund(
    session: Session, key: str, payment_id: str, amount: int | None, *, reason: str, destination: str, by: str
) -> RefundRow:
    """Lock the payment and record a refund of `amount` (minor units; None: all that is left), which counts from now on.

    Raises RefundTooMuch; NoWallet when `destination` is the wallet and there is no account.
    """
    payment = payments.lock_all(session, [payment_id])[payment_id]
    if destination == refund_rows.WALLET:
        _check_wallet(session, payment)
    left = refund_rows.left(session, payment)
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise RefundTooMuch(f"{wanted} are to be given back and {left} are left.", left=left)
    row = refund_rows.write(session, key, payment, wanted)
    row.reason, row.destination, row.by = reason, destination, by
    session.flush()
    return row


def _check_wallet(session: Session, payment: PaymentRow) -> None:
    customer = orders.get(session, payment.order_id).customer_id
    if customer is None or not users.hold(session, customer):
        raise NoWallet("Nobody has an account that store credit could be given to. Give it back to its source.")


def cancel_request(session: Session, runs: Sequence[str], why: str = "withdrawn") -> None:
    """Close the open refunds of these runs as refused: their amounts are free again."""
    for run in runs:
        for row in session.scalars(refund_rows.of_run(run).where(RefundRow.status == Status.ASKED)):
            refund_rows.end(session, row.id, status=Status.REFUSED, error_code=why)


def settle_by_hand(session: Session, run_id: str, order_id: str, most: int | None) -> None:
    """Record that staff gave back by hand what this run could not.

    most: a ceiling in minor units, for a run about a part. Raises IllegalMove when the run has nothing to give back,
    RefundTooMuch when its refund is more than is left.
    """
    row = session.scalars(refund_rows.of_run(run_id)).first()
    if row is not None and row.status in (Status.ASKED, Status.REFUSED):
        payment = payments.lock_all(session, [row.payment_id])[row.payment_id]
        room = refund_rows.left(session, payment) + (row.amount if row.status == Status.ASKED else 0)
        _check_room(row.amount, room)
        refunds.settle(session, row, payment, "by hand")
        return
    found = _taken(session, run_id, order_id) if row is None else None
    if found is None:
        raise IllegalMove("This job has nothing to give back that could be settled by hand; skip its step instead.")
    left = refund_rows.left(session, found)
    refunds.count_settled(session, found, left if most is None else min(left, most), "by hand", f"{run_id}:settled")


def _taken(session: Session, run_id: str, order_id: str) -> PaymentRow | None:
    """Lock the order's payments and return one with money left: this run's, else one that came late, else any."""
    row = PaymentRow
    taken = for_update(select(row).where(row.order_id == order_id, row.captured > 0).order_by(row.id))
    theirs = [one for one in session.scalars(taken) if refund_rows.left(session, one)]
    by_this_run = [one for one in theirs if (one.charge_key or "").startswith(f"{run_id}:")]
    return next(iter([*by_this_run, *(one for one in theirs if one.error_code == LATE), *theirs]), None)


def _check_room(amount: int, room: int) -> None:
    if amount > room:
        raise RefundTooMuch(f"{amount} are to be given back and {room} are left.", left=room)
